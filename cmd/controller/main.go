// Command controller watches KubernetesExecutions and hands each one that ended
// over to Temporal. It has no database credentials unless told to embed a worker.
package main

import (
	"os"

	"github.com/auditflow/auditflow/internal/daemon"
)

func main() { os.Exit(daemon.Main(program, os.Args[1:], os.Stdout, os.Stderr)) }
