package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/auditflow/auditflow/audit"
)

// WriteTombstone remembers a deletion in the archive before it is done. Again,
// with the same period and manifest, is no error and no second tombstone. Those
// of rows and partitions come with their deletion, see [Store.Drop] and
// [Store.DeleteRows], and are refused here.
//
// A DeletedAt that is zero is now, by the clock of the database.
func (s *Store) WriteTombstone(ctx context.Context, t audit.Tombstone) error {
	op := "write the tombstone of " + t.Name
	if t.What != audit.DeletedArchive {
		return explained(op, refuse("what: want %s, others come with their deletion", audit.DeletedArchive))
	}
	return explained(op, insertTombstone(ctx, s.pool, t))
}

// execer is a pool or a transaction.
type execer interface {
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
}

func insertTombstone(ctx context.Context, db execer, t audit.Tombstone) error {
	manifest, err := digestOf("manifest_sha256", t.Manifest)
	if err != nil {
		return err
	}
	const insert = `
		INSERT INTO auditflow_tombstone (what, name, starts, ends, row_count, bytes, why, policy,
			manifest_sha256, workflow_id, run_id, deleted_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12, clock_timestamp()))
		ON CONFLICT (name, manifest_sha256) WHERE what = 'archive' DO NOTHING`
	_, err = db.Exec(ctx, insert, string(t.What), t.Name, t.Start, t.End, t.Rows, t.Bytes, t.Why, t.Policy,
		manifest, text(t.WorkflowID), text(t.RunID), instant(t.DeletedAt))
	return err
}

// Tombstones lists what was deleted, the newest first; limit 0 is all. The shares
// of one run that deleted rows of a partition are told as one.
func (s *Store) Tombstones(ctx context.Context, limit int) ([]audit.Tombstone, error) {
	const op = "read the tombstones"
	const list = `
		SELECT max(id), what, name, min(starts), max(ends), sum(row_count)::bigint, sum(bytes)::bigint, why, policy,
			coalesce(encode(manifest_sha256, 'hex'), ''), coalesce(workflow_id, ''), coalesce(run_id, ''), max(deleted_at)
		FROM auditflow_tombstone
		GROUP BY CASE WHEN what = 'rows' AND run_id IS NOT NULL THEN 0 ELSE id END,
			what, name, why, policy, manifest_sha256, workflow_id, run_id
		ORDER BY max(id) DESC
		LIMIT nullif($1::bigint, 0)`
	rows, err := s.pool.Query(ctx, list, limit)
	if err != nil {
		return nil, convert(op, err)
	}
	tombstones, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t audit.Tombstone, err error) {
		err = row.Scan(&t.ID, &t.What, &t.Name, &t.Start, &t.End, &t.Rows, &t.Bytes, &t.Why, &t.Policy,
			&t.Manifest, &t.WorkflowID, &t.RunID, &t.DeletedAt)
		t.Start, t.End, t.DeletedAt = t.Start.UTC(), t.End.UTC(), t.DeletedAt.UTC()
		return t, err
	})
	return tombstones, convert(op, err)
}
