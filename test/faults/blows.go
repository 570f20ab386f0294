package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/auditflow/auditflow/test/world"
)

// A blow is one harm that is made good before it returns. Blows on different things
// may overlap.

// killLoop kills a program so often, each time after it has run for a while, and
// starts it again.
func killLoop(ctx context.Context, t *trial, p *world.Program, times int, least, most time.Duration) error {
	for range times {
		if err := rest(ctx, t.between(least, most)); err != nil {
			return err
		}
		if !p.Running() {
			return fmt.Errorf("%s ended by itself: %s", p.Name, p.Ended())
		}
		t.kill(p)
		t.runs.Add(1)
		if err := p.Launch(); err != nil {
			return err
		}
	}
	return p.Start(ctx)
}

// dieAt has a program die at a failpoint so often, each time when it gets there for
// the nth time, n at random up to most. A start at which it does not get there in
// time is killed as it stands, and told when that happens too often.
func dieAt(ctx context.Context, t *trial, p *world.Program, point string, times, most int) error {
	missed := 0
	for range times {
		t.kill(p)
		p.Env = []string{fmt.Sprintf("AUDITFLOW_FAILPOINT=%s:%d", point, 1+t.intN(most))}
		if err := p.Launch(); err != nil {
			return err
		}
		err := until(ctx, time.Minute, p.Name+" to die at "+point, func(context.Context) error {
			if p.Running() {
				return errors.New("it lives")
			}
			return nil
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			missed++
		case p.Ended() != "signal: killed":
			return fmt.Errorf("%s was to die at %s and ended otherwise: %s", p.Name, point, p.Ended())
		default:
			t.kills.Add(1)
			t.runs.Add(1)
		}
	}
	if missed > times/5 {
		t.complain("%s got to %s only %d times of %d", p.Name, point, times-missed, times)
	}
	t.kill(p)
	p.Env = nil
	return p.Start(ctx)
}

// crashPostgres kills the postmaster and starts it again: it recovers from its log.
func crashPostgres(ctx context.Context, t *trial) error {
	if err := t.Postgres.Kill(); err != nil {
		return err
	}
	t.kills.Add(1)
	t.runs.Add(1)
	return t.Postgres.Start(ctx)
}

// stopPostgres has it away for a while.
func stopPostgres(ctx context.Context, t *trial, away time.Duration) error {
	if err := t.Postgres.Stop(ctx); err != nil {
		return err
	}
	t.runs.Add(1)
	if err := rest(ctx, away); err != nil {
		return err
	}
	return t.Postgres.Start(ctx)
}

// killTemporal has Temporal die and stay away for a while.
func killTemporal(ctx context.Context, t *trial, away time.Duration) error {
	t.flow.Kill()
	t.kills.Add(1)
	t.runs.Add(1)
	if err := rest(ctx, away); err != nil {
		return err
	}
	return t.flow.Start(ctx)
}

// stopTemporal has it away for a while, as when it is upgraded.
func stopTemporal(ctx context.Context, t *trial, away time.Duration) error {
	if err := t.flow.Stop(ctx); err != nil {
		return err
	}
	t.runs.Add(1)
	if err := rest(ctx, away); err != nil {
		return err
	}
	return t.flow.Start(ctx)
}

// killAPIServer has the cluster's API server die and come back.
func killAPIServer(ctx context.Context, t *trial, away time.Duration) error {
	if err := t.Kube.KillAPIServer(); err != nil {
		return err
	}
	t.kills.Add(1)
	t.runs.Add(1)
	if err := rest(ctx, away); err != nil {
		return err
	}
	return t.Kube.StartAPIServer(ctx)
}

// killEtcd has etcd die and come back; the API server waits for it.
func killEtcd(ctx context.Context, t *trial, away time.Duration) error {
	if err := t.Kube.KillEtcd(); err != nil {
		return err
	}
	t.kills.Add(1)
	t.runs.Add(1)
	if err := rest(ctx, away); err != nil {
		return err
	}
	if err := t.Kube.StartEtcd(ctx); err != nil {
		return err
	}
	return t.Kube.StartAPIServer(ctx) // which is ready when it has found etcd again
}

// freeze stops a program where it stands, and lets it go on.
func freeze(ctx context.Context, t *trial, p *world.Program, lasting time.Duration) error {
	return frozen(t, p, func() error { return rest(ctx, lasting) })
}

// frozen does something while a program is stopped where it stands.
func frozen(t *trial, p *world.Program, do func() error) error {
	pid := p.PID()
	if err := syscall.Kill(-pid, syscall.SIGSTOP); err != nil {
		return fmt.Errorf("freeze %s: %w", p.Name, err)
	}
	t.runs.Add(1)
	return errors.Join(do(), syscall.Kill(-pid, syscall.SIGCONT))
}

// spoiled harms a wire for a while.
func spoiled(ctx context.Context, t *trial, w *wire, harm toxic, lasting time.Duration) error {
	if err := w.spoil(harm); err != nil {
		return err
	}
	t.runs.Add(1)
	err := rest(ctx, lasting)
	w.mend(context.WithoutCancel(ctx))
	return err
}
