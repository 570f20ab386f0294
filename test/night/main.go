package main

import (
	"io"
	"os"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/auditflow/auditflow/test/tool"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, errs io.Writer) int {
	log.SetLogger(logr.Discard()) // the libraries' own; what matters is in the servers' logs
	klog.SetLogger(logr.Discard())
	return tool.Run(command(out), args, out, errs)
}

func command(out io.Writer) *cobra.Command {
	n := &night{screen: newScreen(out)}
	cmd := &cobra.Command{
		Use:   "night",
		Short: "Inject the fault of every alert, see it fire, cure it by the runbook, see it go",
		Long: `Starts Kubernetes, Temporal, PostgreSQL, Prometheus and auditflow, lets executions
run, and then breaks and mends one thing after the other. Alerts are those of
deploy/alerts.yaml, in which only time passes faster. In the end it asks all that
deploy/dashboard.json asks.

Exit code 0: without a fault no alert fired, each fired on its fault and went with
its cure, and every panel has data. 1: what did not is printed, and in the file.`,
		Example: "  go run ./test/night\n  go run ./test/night --only AuditConflict,AuditWorkerAbsent --keep /tmp/night",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return n.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&n.only, "only", nil, "alerts to prove (default: all, and the dashboard)")
	flags.StringVar(&n.keep, "keep", "", "directory to keep data and logs in (default: a temporary one, removed at the end)")
	flags.StringVar(&n.out, "out", "out/night.json", "file for the results, as JSON")
	return cmd
}
