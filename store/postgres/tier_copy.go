package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/auditflow/auditflow/internal/failpoint"
)

const (
	// A batch is as many rows as are copied in batchTime: for so long a statement
	// may wait that deletes rows.
	batchTime          = 15 * time.Millisecond
	batchMin, batchMax = 50, 5000

	// compareRange is how many rows one statement compares.
	compareRange = 100_000
)

// prepareCopy: a batch that is lost with the server is copied again, since how far
// we are is lost with it. See [prepareExport] for the planner.
const prepareCopy = `
	SET LOCAL synchronous_commit = off;
	SET LOCAL enable_sort = off;
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_bitmapscan = off;
	SET LOCAL jit = off`

// copy copies what is not copied yet, batch by batch in the order of the trail.
func (m *mover) copy(ctx context.Context, at standing, b *move) error {
	size := batchMin
	for {
		start := time.Now()
		n, err := m.copyBatch(ctx, at, b, size)
		if err != nil {
			return err
		}
		failpoint.Hit("move.batch")
		b.Rows += n
		m.report(b.Rows)
		if n < int64(size) {
			return nil
		}
		if time.Since(start) < batchTime {
			size = min(2*size, batchMax)
		} else {
			size = max(size/2, batchMin)
		}
	}
}

// copyBatch is a transaction, whose first statement waits for those that delete
// rows; see migration 0007.
func (m *mover) copyBatch(ctx context.Context, at standing, b *move, size int) (n int64, err error) {
	copyRows := fmt.Sprintf(`
		WITH batch AS MATERIALIZED (SELECT * FROM %s WHERE (created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT $3),
		copied AS (INSERT INTO %s SELECT * FROM batch ON CONFLICT DO NOTHING)
		SELECT created_at, id, count(*) OVER () FROM batch ORDER BY created_at DESC, id DESC LIMIT 1`,
		at.quoted(), at.sibling(b.Twin))
	const note = `UPDATE auditflow_move SET copied_at = $2, copied_id = $3, row_count = row_count + $4 WHERE table_name = $1`
	var lastAt pgtype.Timestamptz
	var lastID pgtype.UUID
	err = pgx.BeginFunc(ctx, m.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, prepareCopy); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(1635083370, $1::oid::int4)`, b.PartitionOID); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, copyRows, b.CopiedAt, b.CopiedID, size).Scan(&lastAt, &lastID, &n); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, note, b.Partition, lastAt, lastID, n)
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err == nil {
		b.CopiedAt, b.CopiedID = lastAt, lastID
	}
	return n, err
}

// compare compares every row of the partition with that of the twin, a stretch of
// keys at a time, each in one statement and so as they were at one instant: a row
// is written to both in one transaction. It compares what was stored with a row
// but its content, whose digest is among that.
func (m *mover) compare(ctx context.Context, at standing, b move) error {
	fromAt, fromID := pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}, pgtype.UUID{Valid: true}
	for {
		toAt, toID, last, err := m.stretchEnd(ctx, at, fromAt, fromID)
		if err != nil {
			return err
		}
		same, err := m.sameStretch(ctx, at, b, []any{fromAt, fromID, toAt, toID}, last)
		if err != nil {
			return err
		}
		if !same {
			return fmt.Errorf("%w: %w", refuse("its copy differs and was thrown away"), errStartOver)
		}
		if last {
			return nil
		}
		fromAt, fromID = toAt, toID
	}
}

// stretchEnd is the key compareRange rows further on; last tells that there is none.
func (m *mover) stretchEnd(ctx context.Context, at standing, fromAt pgtype.Timestamptz, fromID pgtype.UUID) (
	toAt pgtype.Timestamptz, toID pgtype.UUID, last bool, err error,
) {
	find := fmt.Sprintf(`SELECT created_at, id FROM %s WHERE (created_at, id) > ($1, $2)
		ORDER BY created_at, id OFFSET %d LIMIT 1`, at.quoted(), compareRange-1)
	err = pgx.BeginFunc(ctx, m.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, prepareCopy); err != nil {
			return err
		}
		return tx.QueryRow(ctx, find, fromAt, fromID).Scan(&toAt, &toID)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return toAt, toID, true, nil
	}
	return toAt, toID, false, err
}

func (m *mover) sameStretch(ctx context.Context, at standing, b move, bounds []any, last bool) (same bool, err error) {
	within := "(created_at, id) > ($1, $2) AND (created_at, id) <= ($3, $4)"
	if last {
		within, bounds = "(created_at, id) > ($1, $2)", bounds[:2]
	}
	const half = `(SELECT created_at, id, (record_sha256, delivered_by, policy, persisted_at) AS row FROM %s WHERE %s)`
	statement := fmt.Sprintf(`SELECT NOT EXISTS (SELECT FROM `+half+` a FULL JOIN `+half+` b USING (created_at, id)
		WHERE a.row IS DISTINCT FROM b.row)`, at.quoted(), within, at.sibling(b.Twin), within)
	err = pgx.BeginFunc(ctx, m.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, prepareCopy+`; SET LOCAL enable_hashjoin = off`); err != nil {
			return err
		}
		return tx.QueryRow(ctx, statement, bounds...).Scan(&same)
	})
	return same, err
}
