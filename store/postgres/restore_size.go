package postgres

import "context"

// Restored is how many rows the restores have brought back that are still there,
// by their own account: a row of two restores counts twice. The bytes are those
// of the whole table with its indexes.
func (s *Store) Restored(ctx context.Context) (rows, bytes int64, err error) {
	const size = `
		SELECT coalesce(sum(row_count), 0)::bigint, pg_total_relation_size('kubernetes_execution_audit_archive')
		FROM auditflow_restore WHERE ended_at IS NULL`
	err = s.pool.QueryRow(ctx, size).Scan(&rows, &bytes)
	return rows, bytes, convert("measure what is restored", err)
}
