package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/test/faults/judge"
)

// patience is how long nothing new may happen before the judge stops waiting:
// longer than anything that a delivery waits for once everything runs again.
const patience = 90 * time.Second

// settle waits until every completion is where it must be and every object is
// let go, or until nothing has changed for too long, and returns the verdict.
func (t *trial) settle(ctx context.Context) (v judge.Verdict, err error) {
	db, err := pgx.Connect(ctx, t.Postgres.URL)
	if err != nil {
		return v, fmt.Errorf("the judge cannot reach the database: %w", err)
	}
	defer db.Close(context.WithoutCancel(ctx))
	last, changed := -1, time.Now()
	for {
		if v, err = t.asThingsStand(ctx, db); err != nil {
			return v, err
		}
		open := v.Lost + t.books.Unacknowledged()
		if open == 0 || time.Since(changed) > patience {
			if err := t.books.Attest(ctx, db); err != nil {
				return v, err
			}
			return t.asThingsStand(ctx, db) // of those that were told just now, too
		}
		if open != last {
			last, changed = open, time.Now()
		}
		if err := rest(ctx, time.Second); err != nil {
			return v, err
		}
	}
}

// asThingsStand is the verdict if nothing more came.
func (t *trial) asThingsStand(ctx context.Context, db *pgx.Conn) (v judge.Verdict, err error) {
	found, err := t.rows(ctx, db)
	if err != nil {
		return v, err
	}
	return t.books.Judge(found, t.healed), nil
}

// rows are those of this trial, wherever they are.
func (t *trial) rows(ctx context.Context, db *pgx.Conn) (found judge.Places, err error) {
	if found.Live, err = judge.Live(ctx, db, t.name); err != nil {
		return found, err
	}
	if found.Detached, err = judge.Detached(ctx, db, t.name); err != nil {
		return found, err
	}
	archive, err := judge.ReadArchive(t.archive, t.name)
	if err != nil {
		return found, err
	}
	for _, fault := range archive.Faults {
		t.complain("the archive is not intact: %s", fault)
	}
	found.Archived = archive.Rows
	return found, nil
}

// watch has the judge look on until stop is called.
func (t *trial) watch(ctx context.Context) (stop func(), err error) {
	recorder, err := judge.NewRecorder(t.Kube.Config, t.name, t.books)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{}, 2)
	go func() { recorder.Run(ctx); done <- struct{}{} }()
	go func() { t.books.Attend(ctx, t.Postgres.URL); done <- struct{}{} }()
	return func() { cancel(); <-done; <-done }, nil
}
