package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

const auditTable = "kubernetes_execution_audit"

var errHasRows = errors.New("the audit table holds rows: generate is for empty databases, or say --append to add to them")

// parallel is how many connections work at a time.
func parallel() int { return max(2, runtime.GOMAXPROCS(0)) }

// fill brings a data set into a migrated database.
type fill struct {
	url      string
	interval audit.Interval
	append   bool // into a table that has rows
	workers  int  // generate and copy; 0 means one more than parallel, for each waits for the server now and then
	data     dataset
	progress *progress

	db         *pgxpool.Pool
	partitions []*partition
}

// run ends with the database as if the records had been appended one by one and
// vacuumed: the partitions are those of [postgres.Store.EnsurePeriod]. A run
// that is interrupted leaves partitions detached or without indexes; only a
// fresh database is of use then.
func (f *fill) run(ctx context.Context) (err error) {
	if f.db, err = openPool(ctx, f.url); err != nil {
		return err
	}
	defer f.db.Close()
	if err := f.refuseRows(ctx); err != nil {
		return err
	}
	if err := f.ensurePeriods(ctx); err != nil {
		return err
	}
	if f.partitions, err = partitionsOf(ctx, f.db); err != nil {
		return fmt.Errorf("list the partitions: %w", err)
	}
	for _, step := range []struct {
		doing string
		do    func(context.Context) error
	}{
		{"set empty partitions aside", f.setAside},
		{"copy", f.copyAll},
		{"build the indexes", f.rebuild},
		{"attach the partitions", f.attach},
		{"vacuum", f.vacuum},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.doing, err)
		}
	}
	return nil
}

// openPool reads bounds of partitions as UTC, whatever the server's setting.
func openPool(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("--database-url is not a PostgreSQL URL (not quoted, it may hold a password)")
	}
	config.MaxConns = int32(parallel()) + 2
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.ConnConfig.RuntimeParams["datestyle"] = "ISO"
	config.ConnConfig.RuntimeParams["application_name"] = "auditflow-load"
	return pgxpool.NewWithConfig(ctx, config)
}

func (f *fill) refuseRows(ctx context.Context) error {
	var rows bool
	if err := f.db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+auditTable+`)`).Scan(&rows); err != nil {
		return fmt.Errorf("look for rows (is the database migrated?): %w", err)
	}
	if rows && !f.append {
		return errHasRows
	}
	return nil
}

// ensurePeriods has the store make the partitions, so that they are what it
// makes, down to their owner.
func (f *fill) ensurePeriods(ctx context.Context) error {
	store, err := postgres.Open(ctx, postgres.Config{URL: f.url, Interval: f.interval, MaxConns: 1})
	if err != nil {
		return err
	}
	defer store.Close()
	for at := f.data.from(); ; {
		period := audit.PeriodOf(f.interval, at)
		if _, err := store.EnsurePeriod(ctx, period); err != nil {
			return err
		}
		if at = period.End; !at.Before(f.data.until) {
			return nil
		}
	}
}

// copyAll generates and copies chunk by chunk, each in one transaction.
func (f *fill) copyAll(ctx context.Context) error {
	f.progress.begin("rows", f.data.rows)
	defer f.progress.end()
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	workers := f.workers
	if workers == 0 {
		workers = parallel() + 1
	}
	for range workers {
		group.Go(func() error {
			for {
				k := int(next.Add(1)) - 1
				if k >= f.data.chunks() {
					return nil
				}
				rows := f.data.chunk(k)
				if err := f.copyChunk(ctx, rows); err != nil {
					return fmt.Errorf("chunk %d: %w", k, err)
				}
				f.progress.add(len(rows))
			}
		})
	}
	return group.Wait()
}

// copyChunk: most chunks lie in one partition, or reach back into another.
func (f *fill) copyChunk(ctx context.Context, rows []row) error {
	byPartition := map[*partition][]row{}
	for _, r := range rows {
		p := partitionOf(f.partitions, r.CreatedAt)
		if p == nil {
			return errors.New("a row has no partition")
		}
		byPartition[p] = append(byPartition[p], r)
	}
	return pgx.BeginFunc(ctx, f.db, func(tx pgx.Tx) error {
		for p, rows := range byPartition {
			if err := copyRows(ctx, tx.Conn(), p.table, rows); err != nil {
				return err
			}
		}
		return nil
	})
}
