package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
)

const holdColumns = `h.id, h.kind, coalesce(h.value, ''), h.starts, h.ends, h.reason, h.placed_by, h.placed_at,
	coalesce(h.released_by, ''), h.released_at`

func scanHold(row pgx.CollectableRow) (h audit.Hold, err error) {
	var start, end, released *time.Time
	err = row.Scan(&h.ID, &h.Kind, &h.Value, &start, &end, &h.Reason, &h.PlacedBy, &h.PlacedAt, &h.ReleasedBy, &released)
	h.Start, h.End, h.ReleasedAt, h.PlacedAt = utc(start), utc(end), utc(released), h.PlacedAt.UTC()
	return h, err
}

// PlaceHold places a hold and returns it with its number. From then on, what it
// names is not deleted: it waits for a deletion that is just being committed.
// A PlacedAt that is zero is now, by the clock of the database.
func (s *Store) PlaceHold(ctx context.Context, h audit.Hold) (audit.Hold, error) {
	const op = "place a hold"
	if err := h.Validate(); err != nil {
		return audit.Hold{}, explained(op, refuse("%v", err))
	}
	if h.Kind == audit.HoldID {
		h.Value = strings.ToLower(h.Value)
	}
	var start, end *time.Time // only of a period; not less of it than was said
	if h.Kind == audit.HoldPeriod {
		from, to := h.Start.Truncate(time.Microsecond), ceilMicro(h.End)
		start, end = &from, &to
	}
	const insert = `
		INSERT INTO auditflow_hold AS h (kind, value, starts, ends, reason, placed_by, placed_at)
		VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, clock_timestamp()))
		RETURNING ` + holdColumns
	rows, err := s.pool.Query(ctx, insert, string(h.Kind), text(h.Value), start, end, h.Reason, h.PlacedBy, instant(h.PlacedAt))
	if err != nil {
		return audit.Hold{}, convert(op, err)
	}
	placed, err := pgx.CollectExactlyOneRow(rows, scanHold)
	return placed, convert(op, err)
}

// ReleaseHold releases a hold and returns it. One that is released already stays
// as it is.
func (s *Store) ReleaseHold(ctx context.Context, id int64, by string) (audit.Hold, error) {
	op := fmt.Sprintf("release hold %d", id)
	if by == "" {
		return audit.Hold{}, explained(op, refuse("released_by: is required"))
	}
	const release = `UPDATE auditflow_hold SET released_by = $2, released_at = clock_timestamp() WHERE id = $1 AND released_at IS NULL`
	if _, err := s.pool.Exec(ctx, release, id, by); err != nil {
		return audit.Hold{}, convert(op, err)
	}
	rows, err := s.pool.Query(ctx, `SELECT `+holdColumns+` FROM auditflow_hold h WHERE id = $1`, id)
	if err != nil {
		return audit.Hold{}, convert(op, err)
	}
	h, err := pgx.CollectExactlyOneRow(rows, scanHold)
	if errors.Is(err, pgx.ErrNoRows) {
		return audit.Hold{}, explained(op, refuse("there is no such hold"))
	}
	return h, convert(op, err)
}

// Holds lists the holds in the order of their numbers: those that hold, or all.
func (s *Store) Holds(ctx context.Context, released bool) ([]audit.Hold, error) {
	const op = "read the holds"
	rows, err := s.pool.Query(ctx, `SELECT `+holdColumns+` FROM auditflow_hold h WHERE $1 OR released_at IS NULL ORDER BY id`, released)
	if err != nil {
		return nil, convert(op, err)
	}
	holds, err := pgx.CollectRows(rows, scanHold)
	return holds, convert(op, err)
}

// heldBy is the condition that a hold h holds a row a, as [audit.Hold.Matches]
// says it.
const heldBy = `CASE h.kind
	WHEN 'period' THEN a.created_at >= h.starts AND a.created_at < h.ends
	WHEN 'workflow_ref' THEN a.workflow_ref = h.value
	WHEN 'namespace' THEN a.target_namespace = h.value OR a.execution_namespace = h.value
	WHEN 'action' THEN a.action_type = h.value
	WHEN 'id' THEN a.id = h.value::uuid
	ELSE true END`

// holding lists the holds that hold any row of a table, whose bounds are $1 and
// $2. Each kind is looked up by the index there is. execution_namespace has none:
// all holds on namespaces share one reading of the table, and only if there are
// any and target_namespace did not settle it. A look-up is a sub-select with a
// LIMIT, which PostgreSQL cannot turn into a join over the whole table.
const holding = `
	WITH namespaces AS MATERIALIZED (
		SELECT DISTINCT a.execution_namespace AS name FROM %[1]s a
		WHERE a.execution_namespace = ANY (ARRAY(
			SELECT value FROM auditflow_hold WHERE released_at IS NULL AND kind = 'namespace')))
	SELECT ` + holdColumns + ` FROM auditflow_hold h
	WHERE h.released_at IS NULL AND CASE h.kind
		WHEN 'period' THEN h.starts < $2 AND h.ends > $1
		WHEN 'workflow_ref' THEN (SELECT true FROM %[1]s a WHERE a.workflow_ref = h.value LIMIT 1)
		WHEN 'namespace' THEN coalesce((SELECT true FROM %[1]s a WHERE a.target_namespace = h.value LIMIT 1),
			(SELECT true FROM namespaces WHERE name = h.value LIMIT 1))
		WHEN 'action' THEN (SELECT true FROM %[1]s a WHERE a.action_type = h.value LIMIT 1)
		WHEN 'id' THEN (SELECT true FROM %[1]s a WHERE a.id = h.value::uuid LIMIT 1)
		ELSE true END
	ORDER BY h.id`

// Without sequential scans wherever there is an index: for a value that
// PostgreSQL takes to be common it would begin to read the table, in the hope of
// meeting it soon, and read all of it when the value is not there.
const beginHolding = `BEGIN READ ONLY;
	SET LOCAL enable_seqscan = off;
	SET LOCAL jit = off;
	` + inUTC

// Holding returns the holds that hold any row of a partition, whether it is
// attached or not: one on a period when it overlaps that of the partition.
func (s *Store) Holding(ctx context.Context, partition string) ([]audit.Hold, error) {
	holds, err := s.holding(ctx, partition)
	return holds, explained("look for holds on "+partition, err)
}

func (s *Store) holding(ctx context.Context, partition string) (holds []audit.Hold, err error) {
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{BeginQuery: beginHolding}, func(tx pgx.Tx) error {
		at, err := findStanding(ctx, tx, partition)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, fmt.Sprintf(holding, at.rows()),
			pgx.QueryExecModeCacheDescribe, at.start, at.end)
		if err != nil {
			return err
		}
		holds, err = pgx.CollectRows(rows, scanHold)
		return err
	})
	return holds, err
}

// refuseHeld names the holds, for errors; without any it is nil.
func refuseHeld(holds []audit.Hold) error {
	if len(holds) == 0 {
		return nil
	}
	var names []string
	for _, h := range holds {
		names = append(names, fmt.Sprintf("hold %d (%s)", h.ID, h.Kind))
	}
	return refuse("held by %s", strings.Join(names, ", "))
}
