package postgres

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
)

// RefusedError says that something was not done because it must not be. As long
// as nobody changes what it tells of, trying again ends the same.
type RefusedError struct{ Why string }

func (e *RefusedError) Error() string { return e.Why }

func refuse(format string, args ...any) error { return &RefusedError{fmt.Sprintf(format, args...)} }

// explained is convert for what may be a refusal, whose text is ours.
func explained(op string, err error) error {
	if refusal, ok := errors.AsType[*RefusedError](err); ok {
		return fmt.Errorf("%s: %w", op, refusal)
	}
	return convert(op, err)
}

// digestOf reads a SHA-256 in hexadecimal; the empty string is none.
func digestOf(what, digits string) ([]byte, error) {
	if digits == "" {
		return nil, nil
	}
	digest, err := hex.DecodeString(digits)
	if err != nil || len(digest) != 32 {
		return nil, refuse("%s: must be a SHA-256, 64 hexadecimal digits", what)
	}
	return digest, nil
}

// SchemaVersion is the version of the database's schema.
func (s *Store) SchemaVersion(ctx context.Context) (int64, error) {
	schema, err := s.Schema(ctx)
	return schema.Database, err
}

// currentGeneration is how often the archive of the period $1 was deleted.
const currentGeneration = `(SELECT count(*) FROM auditflow_archive_deleted WHERE period = $1)`

// NoteArchived puts a manifest into the catalogue; again is no error. It refuses
// another manifest under a number that the catalogue has already, and one whose
// predecessor is not the one in the catalogue: then the archive was altered.
func (s *Store) NoteArchived(ctx context.Context, a audit.Archived) error {
	op := fmt.Sprintf("note manifest %d of period %s", a.Number, a.Period)
	digest, err := checkArchived(a)
	if err != nil {
		return explained(op, err)
	}
	manifest, err := json.Marshal(a.Manifest)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return explained(op, pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		const insert = `
			INSERT INTO auditflow_manifest (period, generation, number, manifest, sha256, object)
			VALUES ($1, ` + currentGeneration + `, $2, $3, $4, $5)
			ON CONFLICT (period, generation, number) DO NOTHING`
		if _, err := tx.Exec(ctx, insert, a.Period, a.Number, manifest, digest, a.Object); err != nil {
			return err
		}
		return checkNeighbours(ctx, tx, a)
	}))
}

func checkArchived(a audit.Archived) (digest []byte, err error) {
	digest, err = digestOf("manifest_sha256", a.SHA256)
	switch {
	case err != nil:
		return nil, err
	case digest == nil:
		return nil, refuse("manifest_sha256: is required")
	case a.Number < 1:
		return nil, refuse("number: must be 1 or more")
	case a.Period == "" || a.Period != audit.PeriodBetween(a.Start, a.End).Suffix():
		return nil, refuse("period: is not that of its start and end")
	case a.Object == "":
		return nil, refuse("manifest_object: is required")
	}
	return digest, nil
}

// checkNeighbours compares a manifest with what the catalogue has under its
// number, whoever wrote that, and under the number before.
func checkNeighbours(ctx context.Context, tx pgx.Tx, a audit.Archived) error {
	const find = `
		SELECT number, encode(sha256, 'hex') FROM auditflow_manifest
		WHERE period = $1 AND generation = ` + currentGeneration + ` AND number IN ($2 - 1, $2)`
	rows, err := tx.Query(ctx, find, a.Period, a.Number)
	if err != nil {
		return err
	}
	var number int
	var digest string
	_, err = pgx.ForEachRow(rows, []any{&number, &digest}, func() error {
		switch {
		case number == a.Number && digest != a.SHA256:
			return refuse("the catalogue has another manifest %d, with SHA-256 %s: the archive was altered", number, digest)
		case number < a.Number && digest != a.Previous:
			return refuse("its predecessor is not manifest %d of the catalogue, with SHA-256 %s: the archive was altered", number, digest)
		}
		return nil
	})
	return err
}

// NoteVerified notes when a period was last found intact.
func (s *Store) NoteVerified(ctx context.Context, period string, at time.Time) error {
	const upsert = `
		INSERT INTO auditflow_verification AS v (period, verified_at) VALUES ($1, $2)
		ON CONFLICT (period) DO UPDATE SET verified_at = greatest(v.verified_at, excluded.verified_at)`
	_, err := s.pool.Exec(ctx, upsert, period, at)
	return convert("note that period "+period+" is intact", err)
}

// NoteDeleted notes that the archive has nothing more of a period; again is no
// error. Its manifests stay in the catalogue, but [Store.Archived] lists them no
// longer and numbers begin again at 1, for rows that may come late. It refuses a
// period without a tombstone.
func (s *Store) NoteDeleted(ctx context.Context, period string) error {
	op := "note that period " + period + " is deleted from the archive"
	return explained(op, pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		const find = `SELECT EXISTS (SELECT FROM auditflow_tombstone WHERE name = $1 AND what = 'archive')`
		var buried bool
		if err := tx.QueryRow(ctx, find, period).Scan(&buried); err != nil {
			return err
		}
		if !buried {
			return refuse("it has no tombstone")
		}
		if _, err := tx.Exec(ctx, `DELETE FROM auditflow_verification WHERE period = $1`, period); err != nil {
			return err
		}
		const insert = `
			INSERT INTO auditflow_archive_deleted (period, generation)
			SELECT DISTINCT period, generation FROM auditflow_manifest
			WHERE period = $1 AND generation = ` + currentGeneration + `
			ON CONFLICT (period, generation) DO NOTHING`
		_, err := tx.Exec(ctx, insert, period)
		return err
	}))
}

// Archived lists the manifests of a period in their order, or of all periods, by
// their start, when it is empty.
func (s *Store) Archived(ctx context.Context, period string) ([]audit.Archived, error) {
	op := "read the catalogue of the archive"
	const list = `
		SELECT m.manifest, encode(m.sha256, 'hex'), m.object, v.verified_at
		FROM auditflow_manifest m LEFT JOIN auditflow_verification v ON v.period = m.period
		WHERE ($1 = '' OR m.period = $1)
		AND m.generation = (SELECT count(*) FROM auditflow_archive_deleted d WHERE d.period = m.period)
		ORDER BY (m.manifest ->> 'start')::timestamptz, m.period, m.number`
	rows, err := s.pool.Query(ctx, list, period)
	if err != nil {
		return nil, convert(op, err)
	}
	archived, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a audit.Archived, err error) {
		var manifest []byte
		var verified *time.Time
		if err := row.Scan(&manifest, &a.SHA256, &a.Object, &verified); err != nil {
			return a, err
		}
		a.VerifiedAt = utc(verified)
		return a, json.Unmarshal(manifest, &a.Manifest)
	})
	return archived, convert(op, err)
}
