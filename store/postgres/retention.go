package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
)

// ConfirmedRetention is the retention that was last put in force; the zero value
// before the first.
func (s *Store) ConfirmedRetention(ctx context.Context) (audit.Retention, error) {
	r, err := lastRetention(ctx, s.pool)
	return r, convert("read the confirmed retention", err)
}

func lastRetention(ctx context.Context, db querier) (audit.Retention, error) {
	const find = `SELECT mode, live, archive, confirmed_by, confirmed_at FROM auditflow_retention ORDER BY id DESC LIMIT 1`
	rows, err := db.Query(ctx, find)
	if err != nil {
		return audit.Retention{}, err
	}
	r, err := pgx.CollectOneRow(rows, func(row pgx.CollectableRow) (r audit.Retention, err error) {
		err = row.Scan(&r.Mode, &r.Live, &r.Archive, &r.ConfirmedBy, &r.ConfirmedAt)
		r.ConfirmedAt = r.ConfirmedAt.UTC()
		return r, err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return audit.Retention{}, nil
	}
	return r, err
}

// ConfirmRetention puts a retention in force. When it is already, nothing is
// written: the history shows changes. A ConfirmedAt that is zero is now, by the
// clock of the database. Durations are kept in microseconds.
func (s *Store) ConfirmRetention(ctx context.Context, r audit.Retention) error {
	const op = "confirm the retention"
	if r.ConfirmedBy == "" {
		return explained(op, refuse("confirmed_by: is required"))
	}
	return explained(op, pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// Two at once take turns, and the second sees what the first wrote.
		const turn = `SELECT pg_advisory_xact_lock(1635083369, 'auditflow_retention'::regclass::oid::int4)`
		if _, err := tx.Exec(ctx, turn); err != nil {
			return err
		}
		last, err := lastRetention(ctx, tx)
		if err != nil || last.Mode == r.Mode && last.Live == r.Live && last.Archive == r.Archive {
			return err
		}
		const insert = `
			INSERT INTO auditflow_retention (mode, live, archive, confirmed_by, confirmed_at)
			VALUES ($1, $2, $3, $4, coalesce($5, clock_timestamp()))`
		_, err = tx.Exec(ctx, insert, string(r.Mode), r.Live, r.Archive, r.ConfirmedBy, instant(r.ConfirmedAt))
		return err
	}))
}
