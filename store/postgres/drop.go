package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/failpoint"
)

// Drop drops a detached partition and writes the tombstone, both or none. It
// refuses one that is attached, half detached or held, and one that has not want
// rows, as many as were compared with the archive. When the same run has dropped
// it before, that is no error.
//
// Of the tombstone it takes Why, Policy, Manifest, WorkflowID, RunID and
// DeletedAt (zero: now, by the clock of the database); the rest it knows best.
// Somebody who reads the table is waited for, until ctx ends.
func (s *Store) Drop(ctx context.Context, partition string, want int64, t audit.Tombstone) error {
	t.What, t.Name, t.Rows = audit.DeletedPartition, partition, want
	err := untilUnlocked(ctx, func() error {
		// Looking for holds may take long. So that happens before anything is locked,
		// and below only whether they are still the same.
		holds, err := s.holdsOf(ctx, partition)
		if err != nil {
			return err
		}
		return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return drop(ctx, tx, t, holds) })
	})
	if errors.Is(err, errNoPartition) || isUndefinedTable(err) { // dropped before, or just now
		err = s.droppedBefore(ctx, t)
	}
	if err == nil {
		failpoint.Hit("drop.committed")
	}
	return explained("drop "+partition, err)
}

// holdsOf refuses a partition that is held, and tells how many holds there were
// when that was found out, released ones included.
func (s *Store) holdsOf(ctx context.Context, partition string) (known int64, err error) {
	if known, err = countHolds(ctx, s.pool); err != nil {
		return 0, err
	}
	holds, err := s.holding(ctx, partition)
	if err != nil {
		return 0, err
	}
	return known, refuseHeld(holds)
}

func countHolds(ctx context.Context, db rowQuerier) (n int64, err error) {
	err = db.QueryRow(ctx, `SELECT count(*) FROM auditflow_hold`).Scan(&n)
	return n, err
}

// prepareDeletion: the locks below may be wanted by others.
const prepareDeletion = `SET LOCAL lock_timeout = '20ms'; ` + inUTC

// keepHolds keeps holds from being placed until the transaction ends, which it
// has to do soon: whoever places one waits.
const keepHolds = `LOCK TABLE auditflow_hold IN SHARE MODE`

func drop(ctx context.Context, tx pgx.Tx, t audit.Tombstone, holds int64) error {
	if _, err := tx.Exec(ctx, prepareDeletion); err != nil {
		return err
	}
	// Of two at once the second waits here, and finds nothing more to drop.
	if _, err := tx.Exec(ctx, `SELECT FROM auditflow_detached WHERE table_name = $1 FOR UPDATE`, t.Name); err != nil {
		return err
	}
	at, err := findStanding(ctx, tx, t.Name)
	if err != nil {
		return err
	}
	if at.state != audit.PartitionDetached {
		return refuse("it is %s, not detached", at.state)
	}
	t.Start, t.End = at.start, at.end
	// Nobody writes to it any more; and if somebody does, it is not between the
	// count and the end.
	if _, err := tx.Exec(ctx, `LOCK TABLE `+at.quoted()+` IN SHARE ROW EXCLUSIVE MODE`); err != nil {
		return err
	}
	var rows int64
	count := `SELECT count(*), pg_total_relation_size($1::text::regclass) FROM ` + at.quoted()
	if err := tx.QueryRow(ctx, count, at.quoted()).Scan(&rows, &t.Bytes); err != nil {
		return err
	}
	if rows != t.Rows {
		return refuse("it has %d rows, and %d were compared with the archive", rows, t.Rows)
	}
	failpoint.Hit("drop.counted")
	return bury(ctx, tx, at, t, holds)
}

// bury writes the tombstone and drops the table, unless holds came since they
// were counted.
func bury(ctx context.Context, tx pgx.Tx, at standing, t audit.Tombstone, holds int64) error {
	if _, err := tx.Exec(ctx, keepHolds); err != nil {
		return err
	}
	now, err := countHolds(ctx, tx)
	if err != nil {
		return err
	}
	if now != holds {
		return errHoldsCame
	}
	if err := insertTombstone(ctx, tx, t); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM auditflow_detached WHERE table_name = $1`, at.name); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DROP TABLE `+at.quoted())
	return err
}

var errHoldsCame = refuse("a hold was placed at this moment")

func isUndefinedTable(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "42P01"
}

// droppedBefore is nil when the same run has dropped the partition already and did
// not live to hear of it.
func (s *Store) droppedBefore(ctx context.Context, t audit.Tombstone) error {
	const find = `
		SELECT EXISTS (SELECT FROM auditflow_tombstone WHERE what = 'partition' AND name = $1 AND row_count = $2
			AND workflow_id IS NOT DISTINCT FROM $3 AND run_id IS NOT DISTINCT FROM $4)`
	var before bool
	err := s.pool.QueryRow(ctx, find, t.Name, t.Rows, text(t.WorkflowID), text(t.RunID)).Scan(&before)
	if err == nil && !before {
		return errNoPartition
	}
	return err
}
