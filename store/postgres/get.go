package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Get returns the row of an id: from the audit table, or else from a partition
// that is on its way out of it, or else from the archive table; [ErrNotFound] if
// none has it, an [*ArgumentError] if it is no UUID.
func (s *Store) Get(ctx context.Context, id string) (Row, error) {
	uuid, ok := parseID(id)
	if !ok {
		return Row{}, fmt.Errorf("get a record: %w", &ArgumentError{"id", "must be a UUID"})
	}
	op := "get record " + uuid.String()
	row, found, err := s.getFrom(ctx, auditTable, uuid)
	if err == nil && !found {
		// Only then, so that nothing is between the two: what is noted may still be
		// attached, what is detached is always noted.
		row, found, err = s.getLeaving(ctx, uuid)
	}
	if err == nil && !found {
		row, found, err = s.getFrom(ctx, archiveTable, uuid)
	}
	switch {
	case err != nil:
		return Row{}, convert(op, err)
	case !found:
		return Row{}, fmt.Errorf("%s: %w", op, ErrNotFound)
	}
	return row, nil
}

// getFrom prepares its statement: there is one plan for it, and making it takes
// several times as long as following it, the longer the more partitions there are.
func (s *Store) getFrom(ctx context.Context, table string, id pgtype.UUID) (row Row, found bool, err error) {
	// Of two rows, which can only be if an execution changed its creation time,
	// the first.
	statement := "SELECT " + rowColumns + " FROM " + table + " a WHERE a.id = $1 ORDER BY a.created_at LIMIT 1"
	rows, err := s.pool.Query(ctx, statement, id)
	if err != nil {
		return row, false, err
	}
	row, err = pgx.CollectExactlyOneRow(rows, func(r pgx.CollectableRow) (Row, error) { return scanRow(r) })
	if errors.Is(err, pgx.ErrNoRows) {
		return Row{}, false, nil
	}
	return row, err == nil, err
}

// getLeaving looks into the partitions that are detached or about to be.
func (s *Store) getLeaving(ctx context.Context, id pgtype.UUID) (row Row, found bool, err error) {
	leaving, err := s.leaving(ctx)
	for _, table := range leaving {
		row, found, err = s.getFrom(ctx, table, id)
		if err == nil && found || err != nil && !isUndefinedTable(err) {
			return row, found, err
		}
		err = nil // dropped just now: the archive has its rows
	}
	return row, found, err
}

// leaving are the partitions that are detached or about to be, as they are named
// in SQL. One that a release before this one detached may not be readable; it is
// in the archive then, but for rows that came late.
func (s *Store) leaving(ctx context.Context) ([]string, error) {
	const list = `
		SELECT c.oid::regclass::text FROM auditflow_detached d
		JOIN pg_class parent ON parent.oid = '` + auditTable + `'::regclass
		JOIN pg_class c ON c.relname = d.table_name AND c.relnamespace = parent.relnamespace
		WHERE has_table_privilege(c.oid, 'SELECT') ORDER BY d.starts`
	rows, err := s.pool.Query(ctx, list)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
