package pods

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// Process is a program that runs. Safe for concurrent use.
type Process struct {
	cmd     *exec.Cmd
	said    *log
	address string // where it answers, if it was told

	ended chan struct{}
	how   error // that it ended with; nil is exit code 0
}

// log is what a program has written until now.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start runs the container's program; a daemon, which has a port, where nobody else
// listens.
func (p *pod) start(ctx context.Context) (*Process, error) {
	var args []string
	for _, arg := range p.container.Args {
		args = append(args, p.here(arg))
	}
	if len(p.container.Ports) == 0 {
		return p.run(args)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return nil, err
	}
	process, err := p.run(append(args, "--listen", address))
	if err != nil {
		return nil, err
	}
	process.address = address
	return process, nil
}

func launch(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, said: &log{}, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.said, p.said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.how = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Said is all that it has written until now, to both of its outputs.
func (p *Process) Said() string { return p.said.String() }

// Ended is whether it does not run any more.
func (p *Process) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Wait returns when it has ended: nil after exit code 0.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.ended:
		if p.how != nil {
			return fmt.Errorf("%w; it said:\n%s", p.how, p.Said())
		}
		return nil
	case <-ctx.Done():
		return errors.Join(ctx.Err(), p.cmd.Process.Kill())
	}
}

// Ready is whether its readiness probe would succeed.
func (p *Process) Ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// AwaitReady returns when it is ready, with an error if it ends before or takes more
// than a minute.
func (p *Process) AwaitReady(ctx context.Context) error {
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		if p.Ended() {
			return false, errors.New("it has ended")
		}
		return p.Ready(ctx), nil
	})
	if err != nil {
		return fmt.Errorf("it is not ready: %w; it said:\n%s", err, p.Said())
	}
	return nil
}

// Stop asks it to end, as a node does, and kills it after half a minute. nil after exit code 0.
func (p *Process) Stop(ctx context.Context) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !p.Ended() {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return p.Wait(ctx)
}
