package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, time.Now())) }

func run(args []string, out, errs io.Writer, began time.Time) int {
	log.SetLogger(logr.Discard()) // the libraries' own; what matters is in the servers' logs
	klog.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends us at once; the world's watchdog cleans up

	cmd := command(out, began)
	cmd.SetArgs(args)
	cmd.SetErr(errs)
	err := cmd.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(errs, "interrupted:", err)
	default:
		fmt.Fprintln(errs, err)
	}
	return 1
}

// options are the flags of both commands.
type options struct {
	keep    string // directory for data and logs; empty means a temporary one
	noColor bool
	out     string // of the demonstration's figures
}

func command(out io.Writer, began time.Time) *cobra.Command {
	var o options
	root := &cobra.Command{
		Use:   "dev",
		Short: "auditflow on real servers: a demonstration, and a world to play with",
		Long: `auditflow on real servers: Kubernetes, Temporal and PostgreSQL as child processes
on free ports, with the controller, the worker and the API of this working tree.

"make tools" builds the servers once. Run this from the root of the module.`,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.SetOut(out)
	flags := root.PersistentFlags()
	flags.StringVar(&o.keep, "keep", "", "directory to keep data and logs in (default: a temporary one, removed at the end)")
	flags.BoolVar(&o.noColor, "no-color", false, "no colours (NO_COLOR in the environment does the same; they are only for terminals anyway)")
	root.AddCommand(demoCommand(&o, out, began), devCommand(&o, out))
	return root
}

func demoCommand(o *options, out io.Writer, began time.Time) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run executions of many kinds and compare what was recorded with what happened",
		Long: `Runs some forty executions as real Jobs: successes, failures by exit code, signal
and memory, retries, refusals, deletions, cancellations, large and unusual output,
and secrets wherever people leave them. Then it compares each row with books of its
own, and searches the files of PostgreSQL and Temporal and all logs for the secrets.

Exit code 0: every execution that completed has exactly one row, every row tells
the truth, and no secret was found. 1: the differences are printed.`,
		Example: "  go run ./test/dev demo\n  go run ./test/dev demo --keep out/world   # then look at out/world/logs",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo(cmd.Context(), *o, newScreen(out, o.noColor), began)
		},
	}
	cmd.Flags().StringVar(&o.out, "out", "out/demo.json", "file for the figures, as JSON")
	return cmd
}

func devCommand(o *options, out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "dev",
		Short: "Leave a world running in which executions trickle in, until Ctrl-C",
		Long: `Starts the same world as the demonstration and leaves it running. Every two
seconds an execution of a random kind begins; it is printed once its row is there.
The addresses to look at it from (Temporal's UI, psql, kubectl, metrics) come first.

With --keep DIR the next run goes on with the same data.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return trickle(cmd.Context(), *o, newScreen(out, o.noColor))
		},
	}
}
