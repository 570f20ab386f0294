// Command auditctl answers an auditor's questions about executions, and brings
// the database to the schema of this release.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/auditflow/auditflow/internal/terminal"
)

func main() {
	// A pipe that is closed is an error of the write then, not the end of us.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from now on a second signal kills

	p := program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.LookupEnv, now: time.Now}
	p.person, p.width = terminal.Of(os.Stdout)
	p.watched, _ = terminal.Of(os.Stderr)
	os.Exit(p.run(ctx, os.Args[1:]))
}
