package postgres

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/auditflow/auditflow/audit"
)

// Restore brings rows back from the archive into kubernetes_execution_audit_archive
// as they were, persisted_at included, and notes until when they stay: all of them
// or, when anything fails, none. Rows that another restore has brought back stay
// until both have expired. It refuses rows outside of what r says.
//
// It returns r with its number, how many rows there were, and the time; a
// RestoredAt that is zero is now, by the clock of the database.
func (s *Store) Restore(ctx context.Context, r audit.Restore, rows iter.Seq2[*audit.Persisted, error]) (audit.Restore, error) {
	op := "restore rows from the archive"
	if err := checkRestore(r); err != nil {
		return audit.Restore{}, explained(op, err)
	}
	source := &restoring{restore: r}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// Indexes and constraints are those of the table they go to in the end.
		const stage = `CREATE TEMPORARY TABLE restoring (LIKE ` + archiveTable + ` INCLUDING DEFAULTS) ON COMMIT DROP`
		if _, err := tx.Exec(ctx, stage); err != nil {
			return err
		}
		n, err := source.copyInto(ctx, tx, rows)
		if err != nil {
			return err
		}
		r.Rows = n
		if _, err := tx.Exec(ctx, takeRestoreTurn); err != nil {
			return err
		}
		const insert = `INSERT INTO ` + archiveTable + ` SELECT * FROM restoring ON CONFLICT (id, created_at) DO NOTHING`
		if _, err := tx.Exec(ctx, insert); err != nil {
			return err
		}
		return noteRestore(ctx, tx, &r)
	})
	if source.failed != nil { // what the archive says; what pgx makes of it is hidden
		return audit.Restore{}, fmt.Errorf("%s: %w", op, source.failed)
	}
	if err != nil {
		return audit.Restore{}, explained(op, err)
	}
	return r, nil
}

// takeRestoreTurn keeps restored rows from being taken away by an expiry that
// does not see yet that they are wanted again.
const takeRestoreTurn = `SELECT pg_advisory_xact_lock(1635083369, '` + archiveTable + `'::regclass::oid::int4)`

func checkRestore(r audit.Restore) error {
	switch {
	case !r.Start.Before(r.End):
		return refuse("start: must lie before the end")
	case r.Record != "" && !rowID(r.Record).Valid:
		return refuse("record_id: must be a UUID in lower case")
	case r.Reason == "":
		return refuse("reason: is required")
	case r.RestoredBy == "":
		return refuse("restored_by: is required")
	case r.ExpiresAt.IsZero():
		return refuse("expires_at: is required: what is restored does not stay for ever")
	}
	return nil
}

func noteRestore(ctx context.Context, tx pgx.Tx, r *audit.Restore) error {
	const insert = `
		INSERT INTO auditflow_restore (starts, ends, record_id, row_count, reason, restored_by, restored_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, clock_timestamp()), $8)
		RETURNING id, restored_at`
	err := tx.QueryRow(ctx, insert, r.Start, r.End, rowID(r.Record), r.Rows, r.Reason, r.RestoredBy,
		instant(r.RestoredAt), r.ExpiresAt).Scan(&r.ID, &r.RestoredAt)
	r.RestoredAt = r.RestoredAt.UTC()
	return err
}

// restoring is what becomes of rows that come from the archive.
type restoring struct {
	restore audit.Restore
	failed  error // the archive, or a row that must not be
}

// copyInto copies the columns that Append writes, and persisted_at.
func (c *restoring) copyInto(ctx context.Context, tx pgx.Tx, rows iter.Seq2[*audit.Persisted, error]) (int64, error) {
	next, stop := iter.Pull2(rows)
	defer stop()
	names := make([]string, 0, len(columns)+1)
	for _, column := range columns {
		names = append(names, column.name)
	}
	names = append(names, "persisted_at")
	return tx.CopyFrom(ctx, pgx.Identifier{"restoring"}, names, pgx.CopyFromFunc(func() ([]any, error) {
		row, err, ok := next()
		if !ok {
			return nil, nil
		}
		var values []any
		if err == nil {
			values, err = c.values(row)
		}
		c.failed = err
		return values, err
	}))
}

// values are those of one row: of each column's array, which is for many, the
// only element.
func (c *restoring) values(row *audit.Persisted) ([]any, error) {
	it := itemOf(&row.Record)
	switch {
	case it.fault != "":
		return nil, refuse("%s: %s", subject(row.ID), it.fault)
	case row.CreatedAt.Before(c.restore.Start), !row.CreatedAt.Before(c.restore.End):
		return nil, refuse("%s: its created_at lies outside of what is to be restored", subject(row.ID))
	case c.restore.Record != "" && row.ID != c.restore.Record:
		return nil, refuse("%s: is not the one to be restored", subject(row.ID))
	}
	values := make([]any, 0, len(columns)+1)
	for _, column := range columns {
		values = append(values, reflect.ValueOf(column.values([]*item{it})).Index(0).Interface())
	}
	return append(values, row.PersistedAt), nil
}

// Restores lists what was restored and is still there, the newest first.
func (s *Store) Restores(ctx context.Context) ([]audit.Restore, error) {
	const op = "read the restores"
	const list = `
		SELECT id, starts, ends, record_id, row_count, reason, restored_by, restored_at, expires_at
		FROM auditflow_restore WHERE ended_at IS NULL ORDER BY id DESC`
	rows, err := s.pool.Query(ctx, list)
	if err != nil {
		return nil, convert(op, err)
	}
	restores, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r audit.Restore, err error) {
		var id pgtype.UUID
		err = row.Scan(&r.ID, &r.Start, &r.End, &id, &r.Rows, &r.Reason, &r.RestoredBy, &r.RestoredAt, &r.ExpiresAt)
		r.Record = id.String()
		r.Start, r.End, r.RestoredAt, r.ExpiresAt = r.Start.UTC(), r.End.UTC(), r.RestoredAt.UTC(), r.ExpiresAt.UTC()
		return r, err
	})
	return restores, convert(op, err)
}

// ExpireRestores takes away restored rows that no restore wants any more, in
// batches of their own transactions, and returns how many.
func (s *Store) ExpireRestores(ctx context.Context, now time.Time) (gone int64, err error) {
	const op = "take restored rows away"
	const list = `SELECT id FROM auditflow_restore WHERE ended_at IS NULL AND expires_at <= $1 ORDER BY id`
	rows, err := s.pool.Query(ctx, list, now)
	if err != nil {
		return 0, convert(op, err)
	}
	expired, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	for _, id := range expired {
		var n int64
		n, err = s.expire(ctx, id, now)
		gone += n
		if err != nil {
			break
		}
	}
	return gone, convert(op, err)
}

// takeAway deletes the next rows that the restore $1 brought back after ($2, $3)
// and tells how far it came. Those that another one wants are passed over.
const takeAway = `
	WITH next AS MATERIALIZED (
		SELECT a.id, a.created_at FROM ` + archiveTable + ` a, auditflow_restore r
		WHERE r.id = $1 AND a.created_at >= r.starts AND a.created_at < r.ends AND (r.record_id IS NULL OR r.record_id = a.id)
		AND a.created_at >= $2 AND (a.created_at, a.id) > ($2, $3)
		ORDER BY a.created_at, a.id LIMIT 5000),
	gone AS (
		DELETE FROM ` + archiveTable + ` a USING next
		WHERE a.id = next.id AND a.created_at = next.created_at AND NOT EXISTS (
			SELECT FROM auditflow_restore o WHERE o.ended_at IS NULL AND o.expires_at > $4
			AND a.created_at >= o.starts AND a.created_at < o.ends AND (o.record_id IS NULL OR o.record_id = a.id))
		RETURNING true)
	SELECT created_at, id, (SELECT count(*) FROM gone) FROM next ORDER BY created_at DESC, id DESC LIMIT 1`

// expire takes away the rows of one restore.
func (s *Store) expire(ctx context.Context, restore int64, now time.Time) (gone int64, err error) {
	after, id := time.Time{}, pgtype.UUID{Valid: true} // before any row
	for more := true; more && err == nil; {
		var n int64
		err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, keyByKey); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, takeRestoreTurn); err != nil {
				return err
			}
			rows, err := tx.Query(ctx, takeAway, restore, after, id, now)
			if err != nil {
				return err
			}
			tag, err := pgx.ForEachRow(rows, []any{&after, &id, &n}, func() error { return nil })
			if more = tag.RowsAffected() > 0; err != nil || more {
				return err
			}
			_, err = tx.Exec(ctx, `UPDATE auditflow_restore SET ended_at = $2 WHERE id = $1`, restore, now)
			return err
		})
		if err == nil {
			gone += n
		}
	}
	return gone, err
}
