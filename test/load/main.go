package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/test/tool"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, errs io.Writer) int {
	return tool.Run(command(out, errs), args, out, errs)
}

func command(out, errs io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "load",
		Short: "Fill the audit table with millions of records, and measure how fast it is",
		Long: `Fills the audit table with millions of records as years of use would leave them,
and measures how fast it is written and read. docs/performance.md tells how to
read the figures.

The benchmarks start a PostgreSQL of their own, which "make tools" builds once.
Run this from the root of the module.`,
	}
	root.AddCommand(generateCommand(out), benchQueriesCommand(out), benchAppendCommand(out), benchBacklogCommand(out), benchStartCommand(out), benchHTTPCommand(out),
		benchConsoleCommand(out), benchCommand(out, errs), reportCommand(out), processCommand())
	return root
}
