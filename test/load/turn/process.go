package turn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Process is one that works, seen by whoever orders. One order at a time.
type Process struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	said *json.Decoder
}

// Start runs a program that calls [Serve], and returns once it answers. It ends
// when we do, at the latest: nobody gives orders any more. What it says on its
// standard error goes to log.
func Start(ctx context.Context, name string, log io.Writer, path string, args ...string) (*Process, error) {
	p := &Process{name: name, cmd: exec.Command(path, args...)}
	p.cmd.Stderr, p.cmd.Env = log, os.Environ()
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.said = json.NewDecoder(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if _, err := p.Do(ctx, Order{Work: Hello}); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// Do gives an order and waits for the answer.
func (p *Process) Do(ctx context.Context, o Order) (a Answer, err error) {
	text, err := json.Marshal(o)
	if err != nil {
		return a, err
	}
	heard := make(chan error, 1)
	go func() {
		if _, err := p.in.Write(append(text, '\n')); err != nil {
			heard <- err
			return
		}
		heard <- p.said.Decode(&a)
	}()
	select {
	case err = <-heard:
	case <-ctx.Done():
		p.Kill() // its answer would be taken for that to the next order
		return Answer{}, fmt.Errorf("%s, %s: %w", p.name, o.Work, ctx.Err())
	}
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	if err != nil {
		return a, fmt.Errorf("%s, %s: %w", p.name, o.Work, err)
	}
	return a, nil
}

// PID is its process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stop gives no more orders and waits for the end.
func (p *Process) Stop() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}

// Kill ends it with SIGKILL.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}
