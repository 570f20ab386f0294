package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/test/load/turn"
)

// delivery is a job: its records are to be in the trail.
type delivery struct {
	Records []audit.Record `json:"records"`
}

// Kind names the job in River's table.
func (delivery) Kind() string { return "delivery" }

// producer hands records over: once a job is inserted, River has it durably.
type producer struct{ client *river.Client[pgx.Tx] }

// batch is how many records go together, where they do.
const batch = 100

func (p *producer) single(ctx context.Context, o turn.Order) (turn.Answer, error) {
	return p.each(ctx, o, 1, func(ctx context.Context, records []audit.Record) error {
		_, err := p.client.Insert(ctx, delivery{records}, nil)
		return err
	})
}

func (p *producer) many(ctx context.Context, o turn.Order) (turn.Answer, error) {
	return p.each(ctx, o, batch, func(ctx context.Context, records []audit.Record) error {
		jobs := make([]river.InsertManyParams, len(records))
		for i := range records {
			jobs[i].Args = delivery{records[i : i+1]}
		}
		_, err := p.client.InsertManyFast(ctx, jobs)
		return err
	})
}

func (p *producer) together(ctx context.Context, o turn.Order) (turn.Answer, error) {
	return p.each(ctx, o, batch, func(ctx context.Context, records []audit.Record) error {
		_, err := p.client.Insert(ctx, delivery{records}, nil)
		return err
	})
}

// each has so many callers insert, each one after the other. What River does not take is
// given up, as whoever delivers beside its work would do.
func (p *producer) each(ctx context.Context, o turn.Order, n int, insert func(context.Context, []audit.Record) error) (a turn.Answer, err error) {
	records, err := turn.Read(o)
	if err != nil {
		return a, err
	}
	var accepted, refused atomic.Int64
	var callers sync.WaitGroup
	pace := turn.NewPace(o.Rate)
	for range o.Callers {
		callers.Go(func() {
			for part := records.Next(n); len(part) > 0 && ctx.Err() == nil; part = records.Next(n) {
				pace.Wait(ctx, len(part))
				if err := insert(ctx, part); err != nil {
					refused.Add(int64(len(part)))
					continue
				}
				accepted.Add(int64(len(part)))
			}
		})
	}
	callers.Wait()
	a.Accepted, a.Refused = int(accepted.Load()), int(refused.Load())
	if a.Refused > 0 && o.Rate == 0 {
		return a, fmt.Errorf("%d records were not taken", a.Refused)
	}
	return a, ctx.Err()
}

// worker appends with our own store: what differs is who delivers.
type worker struct {
	river.WorkerDefaults[delivery]
	store  *postgres.Store
	worked atomic.Int64 // records
}

// Work is what River calls for a job, again until it returns nil.
func (w *worker) Work(ctx context.Context, job *river.Job[delivery]) error {
	if _, err := w.store.Append(ctx, job.Args.Records); err != nil {
		return err
	}
	w.worked.Add(int64(len(job.Args.Records)))
	return nil
}

// work runs River's side of the workers, with as many at once as are best here, and
// looking for new jobs much sooner than it would by default (100 ms).
func work(ctx context.Context, db *pgxpool.Pool, url string) error {
	store, err := postgres.Open(ctx, postgres.Config{URL: url})
	if err != nil {
		return err
	}
	defer store.Close()
	w, workers := &worker{store: store}, river.NewWorkers()
	river.AddWorker(workers, w)
	client, err := river.NewClient(riverpgxv5.New(db), &river.Config{
		Schema: schema, Workers: workers, Logger: quiet(), FetchCooldown: 5 * time.Millisecond, FetchPollInterval: 100 * time.Millisecond,
		Queues:     map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 100}},
		JobTimeout: 10 * time.Second, RescueStuckJobsAfter: 15 * time.Second, // an hour by default
	})
	if err != nil {
		return err
	}
	if err := client.Start(ctx); err != nil {
		return err
	}
	defer func() { _ = client.Stop(context.WithoutCancel(ctx)) }()
	return turn.Serve(ctx, map[string]turn.Work{"await": func(ctx context.Context, o turn.Order) (turn.Answer, error) {
		return turn.Answer{}, w.await(ctx, db, int64(o.Records))
	}}, os.Stdin, os.Stdout)
}

// await returns when so many more records were worked on and River has noted it.
func (w *worker) await(ctx context.Context, db *pgxpool.Pool, records int64) error {
	defer w.worked.Store(0)
	for {
		left := 1
		if w.worked.Load() >= records {
			if err := db.QueryRow(ctx, `SELECT count(*) FROM `+schema+`.river_job WHERE state <> 'completed'`).Scan(&left); err != nil {
				return err
			}
		}
		if left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d records were worked on: %w", w.worked.Load(), records, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
