package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Faults of servers that are away for long, while executions go on to complete.
func outageFaults() []fault {
	steady := load{writers: 2, pause: 60 * time.Millisecond, clients: 2, batch: 40, rhythm: 4 * time.Second, atLeast: 1000}
	return []fault{
		{
			number: 6, name: "PostgreSQL away", expectation: "10,000 completions meanwhile; the backlog drains; the controller's memory stays flat, and reconciling is as fast as before",
			injection: "immediate stop for 10 minutes (--outage)", load: steady,
			inject: func(ctx context.Context, t *trial) error { return t.without(ctx, t.outage, withoutPostgres) },
		},
		{
			number: 20, name: "Temporal away", expectation: "10,000 completions meanwhile; nothing is acknowledged that is not safe; the controller's memory stays flat, and reconciling is as fast as before",
			injection: "stopped for 5 minutes (half of --outage), then killed 80 times", quick: true, load: usual(),
			inject: func(ctx context.Context, t *trial) error {
				if err := t.without(ctx, t.outage/2, withoutTemporal); err != nil {
					return err
				}
				return killTemporalOften(ctx, t)
			},
		},
		{
			number: 34, name: "PostgreSQL and Temporal away together", expectation: "10,000 completions meanwhile; the backlog drains; the controller's memory stays flat, and reconciling is as fast as before",
			injection: "both stopped for 5 minutes (half of --outage), Temporal back first", load: usual(),
			inject: func(ctx context.Context, t *trial) error {
				return t.without(ctx, t.outage/2, absence{
					stop: func(ctx context.Context, t *trial) error {
						return errors.Join(t.flow.Stop(ctx), t.Postgres.Stop(ctx))
					},
					start: func(ctx context.Context, t *trial) error {
						return errors.Join(t.flow.Start(ctx), t.Postgres.Start(ctx))
					},
				})
			},
		},
	}
}

// absence is of servers that somebody stops, and starts again.
type absence struct {
	stop, start func(ctx context.Context, t *trial) error
}

var (
	withoutPostgres = absence{
		func(ctx context.Context, t *trial) error { return t.Postgres.Stop(ctx) },
		func(ctx context.Context, t *trial) error { return t.Postgres.Start(ctx) },
	}
	withoutTemporal = absence{
		func(ctx context.Context, t *trial) error { return t.flow.Stop(ctx) },
		func(ctx context.Context, t *trial) error { return t.flow.Start(ctx) },
	}
)

func killTemporalOften(ctx context.Context, t *trial) error {
	for range sooner(t, 80, 3) {
		if err := rest(ctx, t.between(time.Second, 4*time.Second)); err != nil {
			return err
		}
		if err := killTemporal(ctx, t, t.between(0, time.Second)); err != nil {
			return err
		}
	}
	return nil
}

// meanwhile is how many executions have to complete while a server is away: 10,000
// unless --outage is shorter than usual.
func (t *trial) meanwhile() int { return int(10_000 * t.outage / (10 * time.Minute)) }

// without takes servers away for so long, or until enough has completed meanwhile,
// and looks at what the controller makes of it.
func (t *trial) without(ctx context.Context, lasting time.Duration, servers absence) error {
	start, err := t.lookAtController(ctx)
	if err != nil {
		return err
	}
	if err := rest(ctx, sooner(t, time.Minute, 10*time.Second)); err != nil { // as it is when all is well
		return err
	}
	before, err := t.lookAtController(ctx)
	if err != nil {
		return err
	}
	if err := servers.stop(ctx, t); err != nil {
		return err
	}
	t.runs.Add(1)
	had, began := t.books.Completions(), time.Now()
	for t.books.Completions() < had+t.meanwhile() || time.Since(began) < lasting {
		if time.Since(began) > 3*lasting+time.Minute {
			t.complain("only %d executions completed in %.0f s, of %d", t.books.Completions()-had, time.Since(began).Seconds(), t.meanwhile())
			break
		}
		if err := rest(ctx, time.Second); err != nil {
			return err
		}
	}
	after, err := t.lookAtController(ctx)
	if err != nil {
		return err
	}
	t.figure("completions_meanwhile", float64(t.books.Completions()-had))
	t.figure("away_seconds", time.Since(began).Seconds())
	t.unmoved(start, before, after)
	if err := servers.start(ctx, t); err != nil {
		return err
	}
	return t.drain(ctx)
}

// looks are what the controller is like at a moment.
type looks struct {
	memory int64
	// reconciles, since it was started, by how long they took.
	reconciles distribution
}

func (t *trial) lookAtController(ctx context.Context) (l looks, err error) {
	if l.memory, err = t.product.Controller.Memory(); err != nil {
		return l, err
	}
	err = until(ctx, time.Minute, "the controller to have reconciled anything", func(ctx context.Context) (err error) {
		l.reconciles, err = distributionOf(ctx, t.product.Controller.URL, "controller_runtime_reconcile_time_seconds")
		return err
	})
	return l, err
}

// Bounds of what an outage may do to the controller. Its cache has every object of
// the cluster: 10,000 more take 30 MiB, and as much again until they are collected.
// What a reconcile must not wait for takes seconds to fail; a quarter of a second
// is what the API server, which shares two processors with all of this, has for one;
// where it needs more while all is well, a few times that.
const (
	flat     = 64 << 20
	prompt   = 0.25
	fourfold = 4
)

// unmoved complains unless memory is flat, and reconciling as fast as before.
func (t *trial) unmoved(start, before, after looks) {
	usual := before.reconciles.since(start.reconciles).quantile(0.99)
	meanwhile := after.reconciles.since(before.reconciles).quantile(0.99)
	t.figure("controller_mib_before", float64(before.memory>>20))
	t.figure("controller_mib_at_the_end_of_the_outage", float64(after.memory>>20))
	t.figure("reconcile_p99_ms_before", 1000*usual)
	t.figure("reconcile_p99_ms_meanwhile", 1000*meanwhile)
	if grown := after.memory - before.memory; grown > flat {
		t.complain("the controller's memory grew by %d MiB", grown>>20)
	}
	if meanwhile == 0 || meanwhile > max(fourfold*usual, prompt) {
		t.complain("of 100 reconciles 99 took at most %.0f ms while all was well, and %.0f ms during the outage", 1000*usual, 1000*meanwhile)
	}
}

// drain tells how fast what has piled up becomes rows, and how fast anything does
// until then: the load goes on, and old and new are not told apart.
func (t *trial) drain(ctx context.Context) error {
	return t.connected(ctx, func(conn *pgx.Conn) error {
		healed, pile, rows := time.Now(), -1, 0
		for {
			found, err := t.rows(ctx, conn)
			if err != nil {
				return err
			}
			left, there := t.books.Missing(found, healed), t.books.Completions()-t.books.Missing(found, time.Now())
			if pile < 0 {
				pile, rows = left, there
			}
			if took := time.Since(healed); left == 0 {
				t.figure("backlog", float64(pile))
				t.figure("backlog_drained_per_second", float64(pile)/took.Seconds())
				t.figure("rows_per_second_until_then", float64(there-rows)/took.Seconds())
				return nil
			} else if took > 10*time.Minute {
				return fmt.Errorf("of a backlog of %d executions %d have no row after %s", pile, left, took.Round(time.Second))
			}
			if err := rest(ctx, 3*time.Second); err != nil { // reading all rows is work for the database, too
				return err
			}
		}
	})
}
