package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// partition is one of the audit table. While it is aside it is a table of its
// own, without indexes.
type partition struct {
	table   pgx.Identifier
	bounds  string    // FOR VALUES …
	from    time.Time // inclusive
	to      time.Time // exclusive
	aside   bool
	indexes []index // those it must get back
}

func (p *partition) quoted() string { return p.table.Sanitize() }

// partitionOf returns the partition for an instant, or nil.
func partitionOf(partitions []*partition, at time.Time) *partition {
	for _, p := range partitions {
		if !at.Before(p.from) && at.Before(p.to) {
			return p
		}
	}
	return nil
}

// partitionsOf lists those with finite bounds, which are all that the store makes.
func partitionsOf(ctx context.Context, db *pgxpool.Pool) ([]*partition, error) {
	const list = `
		SELECT n.nspname, c.relname, bounds,
		       substring(bounds FROM 'FROM \(''([^'']+)''\)')::timestamptz,
		       substring(bounds FROM 'TO \(''([^'']+)''\)')::timestamptz
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
		     pg_get_expr(c.relpartbound, c.oid) AS bounds
		WHERE i.inhparent = '` + auditTable + `'::regclass AND bounds !~ 'DEFAULT|MINVALUE|MAXVALUE'
		ORDER BY 4`
	rows, err := db.Query(ctx, list)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (*partition, error) {
		p := &partition{table: make(pgx.Identifier, 2)}
		return p, r.Scan(&p.table[0], &p.table[1], &p.bounds, &p.from, &p.to)
	})
}

// boundsCheck is a CHECK that says the same as the bounds, so that ATTACH need
// not read the table. It is there only while the partition is aside.
const boundsCheck = "load_bounds"

// setAside detaches the partitions that are empty and drops their indexes.
// Autovacuum would only be in the way until the rows are there.
func (f *fill) setAside(ctx context.Context) error {
	for _, p := range f.partitions {
		var rows bool
		if err := f.db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+p.quoted()+`)`).Scan(&rows); err != nil {
			return err
		}
		if rows {
			continue
		}
		var err error
		if p.indexes, err = indexesOf(ctx, f.db, p.quoted()); err != nil {
			return err
		}
		statement := fmt.Sprintf(`ALTER TABLE %[1]s DETACH PARTITION %[2]s;
			ALTER TABLE %[2]s SET (autovacuum_enabled = false),
				ADD CONSTRAINT %[3]s CHECK (created_at >= '%[4]s' AND created_at < '%[5]s')`,
			auditTable, p.quoted(), boundsCheck, p.from.Format(time.RFC3339Nano), p.to.Format(time.RFC3339Nano))
		for _, x := range p.indexes {
			statement += "; " + x.drop
		}
		if _, err := f.db.Exec(ctx, statement); err != nil {
			return err
		}
		p.aside = true
	}
	return nil
}

func (f *fill) rebuild(ctx context.Context) error {
	var all []index
	for _, p := range f.partitions {
		all = append(all, p.indexes...)
	}
	f.progress.begin("indexes", len(all))
	defer f.progress.end()
	return buildIndexes(ctx, f.db, all, func() { f.progress.add(1) })
}

// attach makes everything as it was before setAside, and the rows are there.
// An index that the parent has and the partition has not would be built here.
func (f *fill) attach(ctx context.Context) error {
	for _, p := range f.partitions {
		if !p.aside {
			continue
		}
		statement := fmt.Sprintf(`ALTER TABLE %[1]s ATTACH PARTITION %[2]s %[3]s;
			ALTER TABLE %[2]s DROP CONSTRAINT %[4]s, RESET (autovacuum_enabled)`,
			auditTable, p.quoted(), p.bounds, boundsCheck)
		if _, err := f.db.Exec(ctx, statement); err != nil {
			return err
		}
		p.aside = false
	}
	return nil
}

// vacuum makes index-only scans possible, partition by partition, and tells the
// planner what is there, of the partitions and of the table as a whole.
func (f *fill) vacuum(ctx context.Context) error {
	f.progress.begin("tables vacuumed and analysed", len(f.partitions)+1)
	defer f.progress.end()
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel())
	for _, p := range f.partitions {
		group.Go(func() error {
			_, err := f.db.Exec(groupCtx, `VACUUM `+p.quoted())
			f.progress.add(1)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	_, err := f.db.Exec(ctx, `ANALYZE `+auditTable)
	f.progress.add(1)
	return err
}
