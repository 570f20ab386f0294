package world

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// RunOnce runs a command of the program that ends by itself, with what the
// program has in its environment, and returns how it ended.
func (p *Program) RunOnce(ctx context.Context, args ...string) (stdout, stderr string, code int, err error) {
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Env = slices.Concat(os.Environ(), p.env, p.Env)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		err = nil
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode(), err
}
