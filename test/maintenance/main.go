package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/test/tool"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, errs io.Writer) int { return tool.Run(command(out), args, out, errs) }

func command(out io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "maintenance",
		Short: "Live through years of maintenance, and measure what it costs",
		Long: `Proves by simulation that partitions are there in time, that nothing is deleted
that the archive does not have, and that every record can be found at every moment;
and measures locks, speed and size.

It starts a PostgreSQL of its own, which "make tools" builds once. Run this from the
root of the module.`,
	}
	root.AddCommand(simulateCommand(out), benchCommand(out))
	return root
}
