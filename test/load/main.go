package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends us at once; the world's watchdog cleans up

	cmd := command(out)
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

func command(out io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "load",
		Short: "Fill the audit table with millions of records, and measure how fast it is",
		Long: `Fills the audit table with millions of records as years of use would leave them,
and measures how fast it is written and read. docs/performance.md tells how to
read the figures.

The benchmarks start a PostgreSQL of their own, which "make tools" builds once.
Run this from the root of the module.`,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.SetOut(out)
	root.AddCommand(generateCommand(out), benchQueriesCommand(out), benchAppendCommand(out), benchBacklogCommand(out), benchStartCommand(out), benchHTTPCommand(out))
	return root
}
