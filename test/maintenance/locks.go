package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/workflows"
)

const (
	yearDays     = 365
	quiet        = 5 * time.Second // writers alone, to compare with
	readerEach   = 3 * time.Second // a snapshot is open
	readerBreath = time.Second     // none is
	holdReader   = 5 * time.Second // while maintenance waits for it
	findWaiting  = 2 * time.Minute // until it does
	createAhead  = 12              // periods
	liveFirst    = 270 * lifecycle.Day
	liveThen     = 180 * lifecycle.Day // of the run with a reader that does not go
	archiveAfter = 90 * lifecycle.Day
)

// lockBench is a database, and who is at work in it.
type lockBench struct {
	*bench
	database benchDatabase
	watch    *lockWatch
	crowd    *crowd
	began    time.Time // of maintenance
	steps    []lockStep
}

// measureLocks lets maintenance do its work beside writers, and pg_partman beside
// as many in a database of its own.
func (b *bench) measureLocks(ctx context.Context, f *figures) error {
	var err error
	if f.Locks, err = b.ours(ctx); err != nil {
		return err
	}
	f.MaxLockWait = rounded(f.Locks.Waits.Max, 2)
	if f.Locks.Failed > 0 {
		f.miss("locks: %d Appends failed beside maintenance: %s", f.Locks.Failed, f.Locks.Failure)
	}
	b.tellLocks("maintenance", f.Locks)
	if f.Partman, f.PartmanMissing, err = b.partman(ctx); err != nil {
		return fmt.Errorf("pg_partman: %w", err)
	}
	if f.Partman == nil {
		say(b.screen, "  %s", f.PartmanMissing)
		return nil
	}
	f.PartmanMaxLockWait = rounded(f.Partman.Waits.Max, 2)
	b.tellLocks("pg_partman", f.Partman)
	return nil
}

// ours is the product's maintenance.
func (b *bench) ours(ctx context.Context) (_ *lockFigures, err error) {
	l := &lockBench{bench: b}
	if l.database, err = b.newDatabase(ctx); err != nil {
		return nil, err
	}
	if err := l.makeTablespaces(ctx, "bench_warm", "bench_cold"); err != nil {
		return nil, fmt.Errorf("make tablespaces: %w", err)
	}
	now := time.Now().UTC()
	if err := b.generate(ctx, l.database.admin, b.lockRows, yearDays, now); err != nil {
		return nil, err
	}
	k, err := openKeeper(ctx, l.database, filepath.Join(b.dir, "locks"))
	if err != nil {
		return nil, err
	}
	defer k.close()
	return l.beside(ctx, k.store, now, func(ctx context.Context) error {
		if err := l.maintain(ctx, k); err != nil {
			return err
		}
		return l.heldUp(ctx, k)
	})
}

// beside does work beside writers, after they were alone for a while. What they
// write is like the rows that are there.
func (l *lockBench) beside(ctx context.Context, like *postgres.Store, now time.Time, work func(context.Context) error) (_ *lockFigures, err error) {
	l.crowd = &crowd{from: now.AddDate(0, 0, -yearDays), to: now, seed: l.seed}
	if l.crowd.prepared, err = prepareRecords(ctx, like); err != nil {
		return nil, err
	}
	if l.watch, err = watchLocks(ctx, l.database); err != nil {
		return nil, err
	}
	if err := startCrowd(ctx, l.database, l.crowd); err != nil {
		_, stopped := l.watch.stop()
		return nil, errors.Join(err, stopped)
	}
	pause(ctx, quiet)
	l.began = time.Now()
	err = work(ctx)
	l.crowd.end()
	waits, watchErr := l.watch.stop()
	if err := errors.Join(err, watchErr, ctx.Err()); err != nil {
		return nil, errors.Join(err, l.crowd.err)
	}
	if l.crowd.rows == 0 {
		return nil, fmt.Errorf("the writers wrote nothing: %w", l.crowd.err)
	}
	return l.figures(waits), nil
}

// maintain runs each workflow once, beside a reader who opens a new snapshot now
// and then.
func (l *lockBench) maintain(ctx context.Context, k *benchKeeper) (err error) {
	stopReader := startReader(ctx, l.database, readerEach, readerBreath)
	defer func() { err = errors.Join(err, stopReader()) }()
	for _, run := range []struct {
		workflow string
		policy   any
	}{
		{workflows.TypeCreatePartitions, lifecycle.Create{Interval: audit.Monthly, Ahead: createAhead, Back: lifecycle.Age(archiveAfter)}},
		// Each moves a few partitions, into tablespaces of their own.
		{workflows.TypeTierPartitions, tiers("bench_warm", "", 70*lifecycle.Day)},
		{workflows.TypeTierPartitions, tiers("", "bench_cold", 290*lifecycle.Day)},
		{workflows.TypeArchivePartitions, lifecycle.Archiving{After: lifecycle.Age(archiveAfter)}},
		{workflows.TypeEnforceRetention, retaining(liveFirst)},
	} {
		if err := l.step(run.workflow, func() (string, error) { return l.workflow(ctx, k, run.workflow, run.policy) }); err != nil {
			return err
		}
	}
	return nil
}

func (l *lockBench) workflow(ctx context.Context, k *benchKeeper, name string, policy any) (string, error) {
	report, err := k.run(ctx, name, policy)
	return did(report), err
}

// tiers has what has no tablespace stay where it is.
func tiers(warm, cold string, coldAfter time.Duration) lifecycle.Tiers {
	return lifecycle.Tiers{Warm: warm, Cold: cold, WarmAfter: lifecycle.Age(7 * lifecycle.Day), ColdAfter: lifecycle.Age(coldAfter)}
}

func retaining(live time.Duration) lifecycle.Retaining {
	return lifecycle.Retaining{Mode: audit.RetainPartitions, After: lifecycle.Age(live), Archiving: lifecycle.Age(archiveAfter)}
}

// step does one thing and notes how long it took.
func (l *lockBench) step(name string, do func() (string, error)) error {
	end := l.progress.follow(since(name))
	defer end()
	s := lockStep{Name: name, began: time.Now()}
	var err error
	s.Did, err = do()
	s.ended = time.Now()
	s.Seconds = seconds(s.ended.Sub(s.began))
	l.steps = append(l.steps, s)
	return err
}

// heldUp is retention beside a reader who does not let its snapshot go: it has to
// wait, and nobody else has. That it did wait is checked.
func (l *lockBench) heldUp(ctx context.Context, k *benchKeeper) error {
	shorter := retaining(liveThen)
	confirmed := shorter.Retention()
	confirmed.ConfirmedBy = "bench"
	if err := k.store.ConfirmRetention(ctx, confirmed); err != nil {
		return err
	}
	reader, err := openSnapshot(ctx, l.database)
	if err != nil {
		return err
	}
	defer reader.Close(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() {
		ended <- l.step("EnforceRetention, held up by a reader", func() (string, error) {
			return l.workflow(ctx, k, workflows.TypeEnforceRetention, shorter)
		})
	}()
	waited, err := l.hold(ctx, ended)
	if err != nil {
		return err
	}
	if err := reader.Close(ctx); err != nil {
		return err
	}
	err = <-ended
	l.steps[len(l.steps)-1].HeldFor = seconds(waited)
	return err
}

// hold waits until maintenance waits for the reader, and then a while longer.
func (l *lockBench) hold(ctx context.Context, ended <-chan error) (time.Duration, error) {
	deadline := time.Now().Add(findWaiting)
	for !l.watch.maintenanceWaits() {
		select {
		case err := <-ended:
			return 0, fmt.Errorf("maintenance did not wait for a reader with a snapshot: %w", errors.Join(err, errNotHeldUp))
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(sampleEvery):
		}
		if time.Now().After(deadline) {
			return 0, errNotHeldUp
		}
	}
	began := time.Now()
	select {
	case err := <-ended:
		return 0, errors.Join(err, errNotHeldUp)
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(holdReader):
	}
	return time.Since(began), nil
}

var errNotHeldUp = errors.New("a partition was dropped although a reader had a snapshot of it")
