// Package tool is the frame of the programs in test: they run one command until it
// ends or somebody wants it to.
package tool

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Run runs a command and returns the exit code of the program: 0, or 1 when the
// command failed or was interrupted, which it is told on errs.
func Run(root *cobra.Command, args []string, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends us at once; the world's watchdog cleans up

	root.SilenceUsage, root.SilenceErrors = true, true
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
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
