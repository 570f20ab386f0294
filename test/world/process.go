package world

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// command describes a server process.
type command struct {
	name string // of its log and pid file
	path string
	args []string
	dir  string              // working directory; "" = the workspace
	user *syscall.Credential // nil = ours
	last syscall.Signal      // what the watchdog tries before SIGKILL; 0 = nothing
}

// process is a server that was started. Its methods may be called from several
// goroutines.
type process struct {
	name   string
	cmd    *exec.Cmd
	log    string
	exited chan struct{} // closed once exitErr is set
	err    error
}

// recordAndExec makes the process write its own id where the watchdog looks
// (file descriptor 3), and only then become the server.
const recordAndExec = `echo "$$ $0" >&3; exec 3>&-; exec "$@"`

// start runs c in a process group of its own, so that Ctrl-C in a terminal
// reaches only us and the servers can be stopped in order.
func (ws *workspace) start(c command) (*process, error) {
	log, err := os.OpenFile(ws.logFile(c.name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	pid, err := os.Create(ws.pidFile(c.name))
	if err != nil {
		return nil, err
	}
	defer pid.Close()

	cmd := exec.Command("/bin/sh", append([]string{"-c", recordAndExec, signalName(c.last), c.path}, c.args...)...)
	cmd.Dir = c.dir
	if cmd.Dir == "" {
		cmd.Dir = ws.dir
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{pid}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: c.user}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run %s: %w", c.path, err)
	}

	p := &process{name: c.name, cmd: cmd, log: log.Name(), exited: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		_ = os.Remove(pid.Name()) // the id may be another's from now on
		close(p.exited)
	}()
	return p, nil
}

func signalName(s syscall.Signal) string {
	if s == syscall.SIGQUIT {
		return "QUIT"
	}
	return "KILL"
}

// awaitReady calls probe until it succeeds. It gives up when the process ends or
// after a minute, with the probe's last answer and the end of the log.
func (p *process) awaitReady(ctx context.Context, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		try, cancelTry := context.WithTimeout(ctx, 5*time.Second)
		err := probe(try)
		cancelTry()
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return p.failure(fmt.Errorf("%w: %w", errExited, p.err))
		case <-ctx.Done():
			return p.failure(fmt.Errorf("not ready: %w (%w)", err, ctx.Err()))
		case <-tick.C:
		}
	}
}

var errExited = errors.New("ended before it was ready")

// wait returns when a process that ends by itself has done so; otherwise than
// with status 0 is an error.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.exited:
		if p.err != nil {
			return p.failure(p.err)
		}
		return nil
	case <-ctx.Done():
		p.kill()
		return p.failure(ctx.Err())
	}
}

// stop sends sig and waits; a process that is still there after patience, or
// when ctx ends, is killed, which is an error. Stopping a process that has ended
// is not.
func (p *process) stop(ctx context.Context, sig syscall.Signal, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_ = p.cmd.Process.Signal(sig)
	select {
	case <-p.exited:
		return nil
	case <-ctx.Done():
		p.kill()
		return p.failure(fmt.Errorf("still running %s after %v: killed", patience, sig))
	}
}

// kill ends the process group with SIGKILL and waits for the process to be gone.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.exited
}

// pid is 0 when nothing was started.
func (p *process) pid() int {
	if p == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// failure adds the server's name and the end of its log to err.
func (p *process) failure(err error) error {
	return withLog(fmt.Errorf("%s: %w", p.name, err), p.log)
}

func withLog(err error, log string) error {
	text, readErr := os.ReadFile(log)
	if readErr != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	lines = lines[max(0, len(lines)-12):]
	return fmt.Errorf("%w\nend of %s:\n\t%s", err, log, strings.Join(lines, "\n\t"))
}
