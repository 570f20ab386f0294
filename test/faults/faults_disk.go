package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Faults of the disk under PostgreSQL.
func diskFaults() []fault {
	broken := fault{
		number: 32, name: "fsync of the WAL fails", expectation: "PostgreSQL panics and recovers; nothing that was acknowledged is missing", load: usual(),
		injection: "every fdatasync of the server fails with EIO (strace) for a moment, 10 times",
		inject: func(ctx context.Context, t *trial) error {
			for range sooner(t, 10, 2) {
				if err := failSync(ctx, t); err != nil {
					return err
				}
			}
			return nil
		},
	}
	if !installed("strace") {
		broken.why = "cannot be injected: strace is not installed"
	}
	return []fault{
		{
			number: 11, name: "disk of PostgreSQL full", expectation: "tried again, and recovered when there is room; lost 0", small: true, load: usual(),
			injection: "a file system of its own is filled up for 20 s, 5 times",
			inject: func(ctx context.Context, t *trial) error {
				for range sooner(t, 5, 1) {
					if err := fillDisk(ctx, t, sooner(t, 20*time.Second, 5*time.Second)); err != nil {
						return err
					}
				}
				return nil
			},
			heal: func(_ context.Context, t *trial) error { return os.RemoveAll(t.filler()) },
		},
		broken,
	}
}

func (t *trial) filler() string { return filepath.Join(t.small, "filler") }

// fillDisk leaves no byte for a while. PostgreSQL may not survive that; then it is
// started again when there is room.
func fillDisk(ctx context.Context, t *trial, lasting time.Duration) error {
	f, err := os.Create(t.filler())
	if err != nil {
		return err
	}
	deadline := time.Now().Add(lasting)
	for time.Now().Before(deadline) && ctx.Err() == nil {
		if _, err = io.CopyN(f, zeros{}, 1<<30); !errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("fill the disk: %w", err)
		}
		if err := rest(ctx, 200*time.Millisecond); err != nil { // what it gives back is taken, too
			return err
		}
	}
	t.runs.Add(1)
	if err := errors.Join(f.Close(), os.Remove(t.filler())); err != nil {
		return err
	}
	if err := t.Postgres.Start(ctx); err != nil {
		return err
	}
	return rest(ctx, 5*time.Second)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// failSync makes every sync to disk fail until the server has panicked.
func failSync(ctx context.Context, t *trial) error {
	if err := rest(ctx, 3*time.Second); err != nil {
		return err
	}
	before, err := t.panics()
	if err != nil {
		return err
	}
	all, err := t.serverProcesses()
	if err != nil {
		return err
	}
	args := []string{"-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:error=EIO"}
	for _, pid := range all {
		args = append(args, "-p", strconv.Itoa(pid))
	}
	tracer := exec.CommandContext(ctx, "strace", args...)
	if err := tracer.Start(); err != nil {
		return fmt.Errorf("strace: %w", err)
	}
	err = until(ctx, time.Minute, "PostgreSQL to panic", func(context.Context) error {
		after, err := t.panics()
		if err == nil && after == before {
			err = errors.New("it has not")
		}
		return err
	})
	_ = tracer.Process.Signal(syscall.SIGINT) // it lets go of the server
	_ = tracer.Wait()
	if err != nil {
		t.complain("%v", err)
		return nil
	}
	t.runs.Add(1)
	t.kills.Add(1)
	// It recovers by itself, unless recovery met the fault, too.
	if err := until(ctx, 20*time.Second, "PostgreSQL to recover", func(ctx context.Context) error { return t.sql(ctx, "SELECT 1") }); err == nil {
		return nil
	}
	if err := t.Postgres.Kill(); err != nil {
		return err
	}
	return t.Postgres.Start(ctx)
}

// postmaster is the server's first process, as its lock file tells.
func (t *trial) postmaster() (int, error) {
	text, err := os.ReadFile(filepath.Join(t.Postgres.DataDir, "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	var pid int
	_, err = fmt.Sscan(string(text), &pid)
	return pid, err
}

// serverProcesses are the postmaster and its children. Who only follows the first sees
// none of those that are there already, as the ones that serve the worker.
func (t *trial) serverProcesses() (all []int, err error) {
	first, err := t.postmaster()
	if err != nil {
		return nil, err
	}
	all = []int{first}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		var pid, parent int
		var state string
		_, after, _ := strings.Cut(string(text), ") ") // a name may have blanks
		_, err = fmt.Sscan(string(text), &pid)
		if _, scanned := fmt.Sscan(after, &state, &parent); err == nil && scanned == nil && parent == first {
			all = append(all, pid)
		}
	}
	return all, nil
}

// panics is how often the server's log tells of one.
func (t *trial) panics() (int, error) {
	text, err := os.ReadFile(filepath.Join(t.LogDir(), "postgres.log"))
	return strings.Count(string(text), "PANIC:"), err
}
