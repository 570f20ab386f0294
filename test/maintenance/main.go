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
		Use:   "maintenance",
		Short: "Live through years of maintenance, and measure what it costs",
		Long: `Proves by simulation that partitions are there in time, that nothing is deleted
that the archive does not have, and that every record can be found at every moment;
and measures locks, speed and size.

It starts a PostgreSQL of its own, which "make tools" builds once. Run this from the
root of the module.`,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.SetOut(out)
	root.AddCommand(simulateCommand(out), benchCommand(out))
	return root
}
