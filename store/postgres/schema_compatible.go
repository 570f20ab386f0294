package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// oldestCompatible is the schema version that a release has to know to work with the
// schema of this one. A migration that only adds (a table, a column with a default, an
// index) leaves it as it is: the release before can be gone back to. One that takes away
// or changes what is there comes a release later, when nobody needs it any more, and
// raises this to the version with which that became so.
const oldestCompatible int64 = 7

// compatibility stands in the comment of the version table, where a release that is older
// than the database finds it: releases do not know what comes after them.
type compatibility struct {
	OldestRelease int64 `json:"oldest_release"` // schema version
}

// commentLock keeps two releases from writing the comment at once: the higher version stays.
const commentLock = migrateLock + 1

// oldestRelease reads from the database what a release has to know to work with it; 0 if
// nobody has said so.
func oldestRelease(ctx context.Context, q rowQuerier, table string) (int64, error) {
	var comment string
	if err := q.QueryRow(ctx, `SELECT coalesce(obj_description($1::text::regclass, 'pg_class'), '')`, table).Scan(&comment); err != nil {
		return 0, err
	}
	var c compatibility
	if json.Unmarshal([]byte(comment), &c) != nil {
		return 0, nil //nolint:nilerr // somebody's own comment says nothing
	}
	return c.OldestRelease, nil
}

// noteCompatibility writes which releases can work with the schema of this one. It comes
// before the migrations, so that nobody begins to work with what is just being taken away.
func (s *Store) noteCompatibility(ctx context.Context) error {
	table, err := s.versionTable(ctx)
	if err != nil || table == "" {
		return err
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, commentLock); err != nil {
			return err
		}
		there, err := oldestRelease(ctx, tx, table)
		if err != nil || there >= oldestCompatible {
			return err
		}
		comment, err := json.Marshal(compatibility{oldestCompatible})
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, fmt.Sprintf(`COMMENT ON TABLE %s IS '%s'`, table, comment))
		return err
	})
}
