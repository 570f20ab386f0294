package main

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/test/load/price"
	"github.com/auditflow/auditflow/test/load/turn"
)

// runWriter is the process that writes straight into the table: what one would do
// who needs no queue, and the physical limit.
func runWriter(ctx context.Context, p price.Place, serve price.Serve) error {
	store, err := postgres.Open(ctx, postgres.Config{URL: p.DatabaseURL, MaxConns: 16})
	if err != nil {
		return err
	}
	defer store.Close()
	db, err := openPool(ctx, p.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	return serve(ctx, map[string]turn.Work{
		price.WorkInsert: writing(1, func(ctx context.Context, r []audit.Record) error { return insertOne(ctx, db, &r[0]) }),
		price.WorkAppend: writing(batch, func(ctx context.Context, r []audit.Record) error {
			_, err := store.Append(ctx, r)
			return err
		}),
		price.WorkCopy: writing(batch, func(ctx context.Context, r []audit.Record) error {
			_, err := copyRecords(ctx, db, r)
			return err
		}),
	})
}

func insertOne(ctx context.Context, db *pgxpool.Pool, r *audit.Record) error {
	_, err := db.Exec(ctx, insertStatement, values(nil, r)...)
	return err
}

// writing has so many callers write n records at a time, each one after the other.
// What cannot be written is given up, where that is what the design does: on a clock.
func writing(n int, write func(context.Context, []audit.Record) error) turn.Work {
	return func(ctx context.Context, o turn.Order) (a turn.Answer, err error) {
		records, err := turn.Read(o)
		if err != nil {
			return a, err
		}
		var callers sync.WaitGroup
		var failed atomic.Pointer[error]
		var accepted, refused atomic.Int64
		pace := turn.NewPace(o.Rate)
		for range o.Callers {
			callers.Go(func() {
				for part := records.Next(n); len(part) > 0 && ctx.Err() == nil; part = records.Next(n) {
					pace.Wait(ctx, len(part))
					if err := write(ctx, part); err != nil {
						refused.Add(int64(len(part)))
						failed.Store(&err)
						continue
					}
					accepted.Add(int64(len(part)))
				}
			})
		}
		callers.Wait()
		a.Accepted, a.Refused = int(accepted.Load()), int(refused.Load())
		if why := failed.Load(); why != nil && o.Rate == 0 {
			return a, *why
		}
		return a, ctx.Err()
	}
}
