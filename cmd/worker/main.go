// Command worker redacts and persists audit records: it runs the workflows and
// activities of auditflow. It and the API alone have database credentials, unless
// the controller embeds it.
package main

import (
	"os"

	"github.com/auditflow/auditflow/cmd/internal/work"
	"github.com/auditflow/auditflow/internal/daemon"
)

func main() { os.Exit(daemon.Main(work.Program, os.Args[1:], os.Stdout, os.Stderr)) }
