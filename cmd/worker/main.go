// Command worker redacts and persists audit records: it runs the workflows and
// activities of auditflow and is the only process with database credentials.
package main

import (
	"os"

	"github.com/auditflow/auditflow/internal/daemon"
)

func main() { os.Exit(daemon.Main(program, os.Args[1:], os.Stdout, os.Stderr)) }
