package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// index is one that was dropped and will be made again: building an index over
// rows that are there takes a fraction of what keeping it up to date costs.
type index struct {
	drop, create string // statements
	constraint   bool   // it belongs to a constraint, whose lock excludes others
}

// indexesOf reads what indexes a table has from the catalogue, where they have
// the names and definitions they must have again. Table is quoted.
func indexesOf(ctx context.Context, db *pgxpool.Pool, table string) ([]index, error) {
	const list = `
		SELECT CASE WHEN c.oid IS NULL THEN format('DROP INDEX %s', i.indexrelid::regclass)
		       ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', i.indrelid::regclass, c.conname) END,
		       CASE WHEN c.oid IS NULL THEN pg_get_indexdef(i.indexrelid)
		       ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s', i.indrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) END,
		       c.oid IS NOT NULL
		FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid
		WHERE i.indrelid = $1::regclass
		ORDER BY i.indexrelid`
	rows, err := db.Query(ctx, list, table)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (x index, err error) {
		return x, r.Scan(&x.drop, &x.create, &x.constraint)
	})
}

// buildIndexes makes dropped indexes again, as many at a time as there are
// processors: first those that can be built side by side on one table.
func buildIndexes(ctx context.Context, db *pgxpool.Pool, indexes []index, built func()) error {
	for _, constraints := range []bool{false, true} {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(parallel())
		for _, x := range indexes {
			if x.constraint != constraints {
				continue
			}
			group.Go(func() error {
				if err := build(ctx, db, x); err != nil {
					return fmt.Errorf("%s: %w", x.create, err)
				}
				built()
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// build gives the sort enough memory to need no disk for a few million rows,
// and no workers of its own: others build beside us.
func build(ctx context.Context, db *pgxpool.Pool, x index) error {
	return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SET LOCAL maintenance_work_mem = '512MB'; SET LOCAL max_parallel_maintenance_workers = 0; `+x.create)
		return err
	})
}
