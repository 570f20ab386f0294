package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
)

// partitionBounds reads the bounds of a partition c out of their expression; see
// [parent.partitions], which does the same, for what the catalogue has.
const partitionBounds = `
	greatest(substring(bound FROM 'FROM \(''([^'']+)''\)')::timestamptz, '0001-01-01 00:00:00+00'),
	least(substring(bound FROM 'TO \(''([^'']+)''\)')::timestamptz, '20000-01-01 00:00:00+00')`

// listPartitions has those that are attached, or nearly no longer, in the first
// half, and in the other those that are on their way out. One that is noted
// there and still attached is attached: its rows are found.
const listPartitions = `
	WITH parent AS (SELECT oid, relnamespace FROM pg_class WHERE oid = '` + auditTable + `'::regclass),
	partition (oid, starts, ends, state) AS (
		SELECT c.oid, ` + partitionBounds + `, CASE WHEN i.inhdetachpending THEN 'detaching' ELSE 'attached' END
		FROM parent JOIN pg_inherits i ON i.inhparent = parent.oid JOIN pg_class c ON c.oid = i.inhrelid,
			pg_get_expr(c.relpartbound, c.oid) AS bound
		WHERE bound <> 'DEFAULT'
		UNION ALL
		SELECT c.oid, greatest(d.starts, '0001-01-01 00:00:00+00'), least(d.ends, '20000-01-01 00:00:00+00'), 'detached'
		FROM parent JOIN pg_class c ON c.relnamespace = parent.relnamespace
			JOIN auditflow_detached d ON d.table_name = c.relname
		WHERE NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid))
	SELECT c.relname, p.starts, p.ends, c.reltuples::bigint, coalesce(pg_total_relation_size(c.oid), 0),
		coalesce(t.spcname, ''), p.state
	FROM partition p JOIN pg_class c ON c.oid = p.oid LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
	ORDER BY p.starts, c.relname`

// Partitions lists all of them, attached or on their way out, by their start and
// then by their name, which is that of the table without quotation marks. A
// bound that is infinite is the year 1 or 20000.
func (s *Store) Partitions(ctx context.Context) ([]audit.Partition, error) {
	var partitions []audit.Partition
	begin := pgx.TxOptions{BeginQuery: "BEGIN READ ONLY; " + inUTC}
	err := pgx.BeginTxFunc(ctx, s.pool, begin, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, listPartitions)
		if err != nil {
			return err
		}
		partitions, err = pgx.CollectRows(rows, scanPartition)
		return err
	})
	return partitions, convert("list the partitions", err)
}

func scanPartition(row pgx.CollectableRow) (p audit.Partition, err error) {
	var start, end time.Time
	err = row.Scan(&p.Name, &start, &end, &p.Rows, &p.Bytes, &p.Tablespace, &p.State)
	p.Period = audit.PeriodBetween(start, end)
	return p, err
}

// Tablespaces lists those into which the login may put a table, by their names.
// That of the database is one of them, under its own name.
func (s *Store) Tablespaces(ctx context.Context) ([]string, error) {
	const op, list = "list the tablespaces", `
		SELECT t.spcname::text FROM pg_tablespace t JOIN pg_database d ON d.datname = current_database()
		WHERE t.spcname <> 'pg_global' AND (t.oid = d.dattablespace OR has_tablespace_privilege(t.oid, 'CREATE'))
		ORDER BY 1`
	rows, err := s.pool.Query(ctx, list)
	if err != nil {
		return nil, convert(op, err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return names, convert(op, err)
}

// Count counts the rows of a partition with created_at before a bound; a zero
// bound is none.
func (s *Store) Count(ctx context.Context, partition string, before time.Time) (n int64, err error) {
	op := "count the rows of " + partition
	at, err := s.standing(ctx, partition)
	if err != nil {
		return 0, explained(op, err)
	}
	statement, arguments := `SELECT count(*) FROM `+at.rows()+` a`, []any(nil)
	if !before.IsZero() {
		statement, arguments = statement+` WHERE created_at < $1`, []any{ceilMicro(before)}
	}
	err = s.pool.QueryRow(ctx, statement, arguments...).Scan(&n)
	return n, convert(op, err)
}

// errNoPartition is of a name that no partition has, attached or on its way out.
var errNoPartition = refuse("there is no such partition")

// ceilMicro is the first microsecond that is not before t: what is before the one
// is before the other.
func ceilMicro(t time.Time) time.Time {
	if cut := t.Truncate(time.Microsecond); !cut.Equal(t) {
		return cut.Add(time.Microsecond)
	}
	return t
}
