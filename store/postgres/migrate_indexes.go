package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// queryIndex is an index that Find and the reports need beside those of the
// seed. A tuple must stay below 2,704 bytes whatever a row holds, four bytes
// for each character, or the row could not be stored.
type queryIndex struct{ name, definition string }

//nolint:gochecknoglobals // a table of constants
var queryIndexes = []queryIndex{
	// The order of Find; what may be asked of a row without reading it; and all
	// that the reports over a range of created_at add up.
	{"idx_created_at_covering", `(created_at, id) INCLUDE (action_type, target_namespace, target_resource_kind,
		success, phase, duration, retry_count, job_resource_usage)`},
	// Failures, and the seed's query for them: neither bounds created_at.
	{"idx_failed_completed_at", `(completed_at, created_at, id) WHERE NOT success`},
	// The slow ones by their duration, which no range of created_at narrows down;
	// slow is what the seed calls so.
	{"idx_slow_duration", `(duration, created_at, id) WHERE duration > '30 seconds'`},
	// What was tried again, one in ten: rare among all others, and mostly asked
	// for together with something else.
	{"idx_retried_created_at", `(created_at, id) INCLUDE (action_type, target_namespace, target_resource_kind,
		success, phase, duration, retry_count) WHERE retry_count > 0`},
	// A namespace, or those with a common beginning, which idx_target_resource
	// finds only where the collation is C. What else is asked of a namespace is in
	// it, too: PostgreSQL would rather read all failures there are than its rows.
	{"idx_target_namespace_created_at", `(target_namespace varchar_pattern_ops, created_at, id) INCLUDE (action_type,
		target_resource_kind, success, phase, duration, retry_count)`},
	// A resource by its name alone.
	{"idx_target_resource_name_created_at", `(target_resource_name, created_at, id)`},
}

// indexMigration creates the indexes on partitions of any size while rows are
// read and written. PostgreSQL cannot do that on a partitioned table, only on
// one partition at a time, outside any transaction; so each step looks at what
// is there, and one that was interrupted anywhere is simply run again.
func indexMigration() *goose.Migration {
	m := goose.NewGoMigration(4, &goose.GoFunc{RunDB: createQueryIndexes}, nil)
	m.Source = "0004_indexes.go"
	return m
}

func createQueryIndexes(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driver any) error {
		b := indexBuilder{driver.(*stdlib.Conn).Conn()}
		for _, index := range queryIndexes {
			if err := b.build(ctx, index); err != nil {
				return err
			}
		}
		return nil
	})
}

type indexBuilder struct{ conn *pgx.Conn }

// unindexed is a partition that an index of the parent does not cover yet.
type unindexed struct{ schema, name, index string }

// build ends when every partition has the index, also those that were created
// meanwhile; which come with it once the parent has it.
func (b indexBuilder) build(ctx context.Context, index queryIndex) error {
	parent, err := b.onParent(ctx, index)
	if err != nil {
		return err
	}
	for {
		rest, err := b.unindexed(ctx, index, parent)
		if err != nil {
			return err
		}
		if len(rest) == 0 {
			return b.validate(ctx, parent)
		}
		if err := b.onPartition(ctx, index, parent, rest[0]); err != nil {
			now, listErr := b.unindexed(ctx, index, parent)
			if listErr != nil || len(now) > 0 && now[0] == rest[0] {
				return err
			} // else it was detached or dropped meanwhile
		}
	}
}

// onParent makes the index known to the parent, which holds no rows. It is not
// valid before every partition has it. The lock keeps out writers.
func (b indexBuilder) onParent(ctx context.Context, index queryIndex) (pgx.Identifier, error) {
	const find = `
		SELECT n.nspname, EXISTS (
			SELECT FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = t.oid AND i.relname = $1)
		FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
		WHERE t.oid = '` + auditTable + `'::regclass`
	var schema string
	var exists bool
	if err := b.conn.QueryRow(ctx, find, index.name).Scan(&schema, &exists); err != nil || exists {
		return pgx.Identifier{schema, index.name}, err
	}
	err := b.locked(ctx, fmt.Sprintf("CREATE INDEX %s ON ONLY %s %s", pgx.Identifier{index.name}.Sanitize(),
		pgx.Identifier{schema, auditTable}.Sanitize(), index.definition))
	return pgx.Identifier{schema, index.name}, err
}

// unindexed lists the partitions that lack the index, in the order of their names.
func (b indexBuilder) unindexed(ctx context.Context, index queryIndex, parent pgx.Identifier) ([]unindexed, error) {
	const list = `
		SELECT n.nspname, p.relname, p.oid
		FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid JOIN pg_namespace n ON n.oid = p.relnamespace
		WHERE i.inhparent = '` + auditTable + `'::regclass AND NOT i.inhdetachpending AND NOT EXISTS (
			SELECT FROM pg_inherits a JOIN pg_index x ON x.indexrelid = a.inhrelid
			WHERE a.inhparent = $1::regclass AND x.indrelid = p.oid)
		ORDER BY 1, 2`
	rows, err := b.conn.Query(ctx, list, parent.Sanitize())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (u unindexed, err error) {
		var oid uint32
		err = row.Scan(&u.schema, &u.name, &oid)
		u.index = indexName(index, u.name, oid)
		return u, err
	})
}

// validate makes PostgreSQL look once more whether all partitions have the
// index, which it does when one is attached, again or not. Only a partition
// that was dropped before it had its index makes that necessary; and where
// PostgreSQL is too old to look, nothing but the flag is wrong, since it is the
// indexes of the partitions that queries use.
func (b indexBuilder) validate(ctx context.Context, parent pgx.Identifier) error {
	const find = `
		SELECT format('%I.%I', n.nspname, c.relname)
		FROM pg_index x JOIN pg_inherits i ON i.inhparent = x.indexrelid
		JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE x.indexrelid = $1::regclass AND NOT x.indisvalid
		LIMIT 1`
	var child string
	err := b.conn.QueryRow(ctx, find, parent.Sanitize()).Scan(&child)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return b.locked(ctx, fmt.Sprintf("ALTER INDEX %s ATTACH PARTITION %s", parent.Sanitize(), child))
}

// indexName is the same in every attempt, so that one finds what another left.
func indexName(index queryIndex, partition string, oid uint32) string {
	const longest = 63 // bytes of a name in PostgreSQL
	name := index.name + "_" + strings.TrimPrefix(partition, auditTable+"_")
	if len(name) > longest {
		return fmt.Sprintf("%s_%d", index.name, oid)
	}
	return name
}

func (b indexBuilder) onPartition(ctx context.Context, index queryIndex, parent pgx.Identifier, u unindexed) error {
	name := pgx.Identifier{u.schema, u.index}.Sanitize()
	var valid *bool // nil: there is none
	const find = `SELECT (SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1))`
	if err := b.conn.QueryRow(ctx, find, name).Scan(&valid); err != nil {
		return err
	}
	if valid != nil && !*valid { // an attempt ended while it was built
		if err := b.concurrently(ctx, "DROP INDEX CONCURRENTLY IF EXISTS "+name); err != nil {
			return err
		}
		valid = nil
	}
	if valid == nil {
		err := b.concurrently(ctx, fmt.Sprintf("CREATE INDEX CONCURRENTLY %s ON %s %s",
			pgx.Identifier{u.index}.Sanitize(), pgx.Identifier{u.schema, u.name}.Sanitize(), index.definition))
		if err != nil {
			return err
		}
	}
	return b.locked(ctx, fmt.Sprintf("ALTER INDEX %s ATTACH PARTITION %s", parent.Sanitize(), name))
}

// concurrently runs a statement whose locks nobody who reads or writes rows has
// to wait for, and which itself waits for all of their transactions, however
// long.
func (b indexBuilder) concurrently(ctx context.Context, statement string) error {
	if _, err := b.conn.Exec(ctx, "SET lock_timeout = 0"); err != nil {
		return err
	}
	_, err := b.conn.Exec(ctx, statement)
	return err
}

// locked runs a statement that keeps others out, and lets them pass again and
// again until it gets its lock at once.
func (b indexBuilder) locked(ctx context.Context, statement string) error {
	if _, err := b.conn.Exec(ctx, "SET lock_timeout = '50ms'"); err != nil {
		return err
	}
	for pause := migratePause; ; pause = min(2*pause, migratePauseMax) {
		_, err := b.conn.Exec(ctx, statement)
		pg, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || pg.Code != lockNotAvailable {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // G404: spreads tries, hides nothing
		}
	}
}
