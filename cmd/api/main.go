// Command api is the HTTP door: it takes records that other controllers post and
// hands them over to Temporal. To take them it needs no database; it answers
// questions if it is given one, as somebody who may only read.
package main

import (
	"os"

	"github.com/auditflow/auditflow/internal/daemon"
)

func main() { os.Exit(daemon.Main(program, os.Args[1:], os.Stdout, os.Stderr)) }
