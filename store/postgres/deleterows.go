package postgres

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/failpoint"
)

// deleteBatch is how many rows a transaction deletes: few enough that whoever
// places a hold does not notice the wait.
const deleteBatch = 2000

// DeleteRows deletes, of the rows of a partition before a bound, those that
// archived proves, with the same key and the same digest, and nobody holds. So a
// row that came late, or differs from what is archived, stays. The table stays,
// too, whatever becomes empty. It returns how many rows it deleted.
//
// It works in batches, each a transaction with its share of the tombstone, and
// tells report (may be nil) how many rows are gone so far. Entries come in the
// order of the trail; those of rows that are elsewhere or gone already, as after
// a crash, do no harm. Of the tombstone it takes what [Store.Drop] takes, and
// Start and End, which are the partition's start and the bound when they are zero.
func (s *Store) DeleteRows(ctx context.Context, partition string, before time.Time,
	archived iter.Seq2[audit.Entry, error], t audit.Tombstone, report func(rows int64),
) (deleted int64, err error) {
	op := "delete rows of " + partition
	at, err := s.standing(ctx, partition)
	if err != nil {
		return 0, explained(op, err)
	}
	t.What, t.Name, t.Bytes = audit.DeletedRows, partition, 0
	if t.Start.IsZero() {
		t.Start = at.start
	}
	if t.End.IsZero() {
		t.End = before
	}
	for batch, err := range batches(archived, before.UnixMicro()) {
		if err != nil {
			return deleted, fmt.Errorf("%s: read what is archived: %w", op, err)
		}
		rows, err := s.deleteBatch(ctx, at, batch, t)
		if err != nil {
			return deleted, explained(op, err)
		}
		failpoint.Hit("deleterows.batch")
		deleted += rows
		if report != nil {
			report(deleted)
		}
	}
	return deleted, nil
}

// standing is findStanding outside any transaction.
func (s *Store) standing(ctx context.Context, partition string) (at standing, err error) {
	begin := pgx.TxOptions{BeginQuery: "BEGIN READ ONLY; " + inUTC}
	err = pgx.BeginTxFunc(ctx, s.pool, begin, func(tx pgx.Tx) error {
		at, err = findStanding(ctx, tx, partition)
		return err
	})
	return at, err
}

// batches yields the entries before a bound, deleteBatch of them at a time.
func batches(entries iter.Seq2[audit.Entry, error], before int64) iter.Seq2[[]audit.Entry, error] {
	return func(yield func([]audit.Entry, error) bool) {
		batch := make([]audit.Entry, 0, deleteBatch)
		for e, err := range entries {
			if err != nil {
				yield(nil, err)
				return
			}
			if e.At >= before {
				break
			}
			if batch = append(batch, e); len(batch) == deleteBatch {
				if !yield(batch, nil) {
					return
				}
				batch = batch[:0]
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}

// One look-up in the primary key per entry, whatever the statistics say.
const prepareDeleteRows = prepareDeletion + "; " + keyByKey

const keyByKey = `SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off`

const deleteProven = `
	DELETE FROM %s a USING unnest($1::uuid[], $2::timestamptz[], $3::bytea[]) AS proven (id, created_at, record_sha256)
	WHERE a.id = proven.id AND a.created_at = proven.created_at AND a.record_sha256 = proven.record_sha256
	AND NOT EXISTS (SELECT FROM auditflow_hold h WHERE h.released_at IS NULL AND ` + heldBy + `)`

// deleteBatch is one transaction, which does not take longer for anybody who waits
// for it than its rows do.
func (s *Store) deleteBatch(ctx context.Context, at standing, batch []audit.Entry, t audit.Tombstone) (rows int64, err error) {
	ids, times, digests := make([]pgtype.UUID, len(batch)), make([]time.Time, len(batch)), make([][]byte, len(batch))
	for i, e := range batch {
		ids[i] = pgtype.UUID{Bytes: e.ID, Valid: true}
		times[i], digests[i] = time.UnixMicro(e.At), batch[i].Digest[:]
	}
	err = untilUnlocked(ctx, func() error {
		return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, prepareDeleteRows); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, keepHolds); err != nil {
				return err
			}
			tag, err := tx.Exec(ctx, fmt.Sprintf(deleteProven, at.quoted()), ids, times, digests)
			if rows = tag.RowsAffected(); err != nil || rows == 0 {
				return err
			}
			share := t
			share.Rows = rows
			return insertTombstone(ctx, tx, share)
		})
	})
	return rows, err
}
