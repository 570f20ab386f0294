package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
)

// EnsurePeriod makes sure that every instant of the period has a partition and
// tells whether any had to be created. Any number of processes may ask for the
// same period at once; one creates it.
//
// Where partitions of another interval reach into the period, only the gaps
// between them are filled, each by a partition of its own.
//
// A period is what [audit.PeriodOf] makes, or at most 31 days between UTC
// midnights; no partition is created before 1969-12-29 or after 10000-01-02.
func (s *Store) EnsurePeriod(ctx context.Context, p audit.Period) (created bool, err error) {
	if !p.Start.Before(p.End) {
		return false, errors.New("ensure a period: its start must lie before its end")
	}
	n, err := s.createPartitions(ctx, []audit.Period{p})
	return n > 0, convert("ensure period "+p.Suffix(), err)
}

// span is a stretch of created_at: start inclusive, end exclusive.
type span struct{ start, end time.Time }

// gaps returns what of want no span of taken covers, in order. The spans of
// taken must not overlap each other; partitions never do.
func gaps(want span, taken []span) []span {
	taken = slices.SortedFunc(slices.Values(taken), func(a, b span) int { return a.start.Compare(b.start) })
	var free []span
	for _, t := range taken {
		if !t.end.After(want.start) {
			continue
		}
		if !t.start.Before(want.end) {
			break
		}
		if t.start.After(want.start) {
			free = append(free, span{want.start, t.start})
		}
		want.start = t.end
	}
	if want.start.Before(want.end) {
		free = append(free, want)
	}
	return free
}

// partitionName is the period's own name when the partition holds all of it.
// A part is named after the day it begins on as well.
func partitionName(p audit.Period, part span) string {
	name := auditTable + "_" + p.Suffix()
	if part.start.Equal(p.Start) && part.end.Equal(p.End) {
		return name
	}
	return name + "_from_" + part.start.UTC().Format("2006_01_02")
}

// createPartitions fills the gaps in all periods, in one transaction, and
// returns how many partitions it took.
func (s *Store) createPartitions(ctx context.Context, periods []audit.Period) (created int, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		created = 0
		parent, err := lockParent(ctx, tx)
		if err != nil {
			return err
		}
		taken, err := parent.partitions(ctx, tx)
		if err != nil {
			return err
		}
		for _, period := range periods {
			for _, gap := range gaps(span{period.Start, period.End}, taken) {
				if err := parent.create(ctx, tx, partitionName(period, gap), gap); err != nil {
					return err
				}
				taken = append(taken, gap)
				created++
			}
		}
		return nil
	})
	return created, err
}

// parent is the partitioned table, for as long as a transaction keeps others
// from creating partitions of it.
type parent struct {
	oid    uint32
	schema string
}

// prepareSession: whoever waits behind us, or whom we wait for, shall not wait
// for long, even when our machine vanishes in mid-transaction. And partition
// bounds are printed in the session's time zone and date style, so both are
// fixed before we read them.
const prepareSession = `
	SET LOCAL lock_timeout = '5s';
	SET LOCAL idle_in_transaction_session_timeout = '10s';
	SET LOCAL TimeZone = 'UTC';
	SET LOCAL DateStyle = 'ISO'`

// lockParent takes turns with all others who create partitions. An advisory
// lock, because every lock on the table itself that excludes its own kind also
// excludes autovacuum. The first number is "audi" in ASCII.
func lockParent(ctx context.Context, tx pgx.Tx) (p parent, err error) {
	if _, err := tx.Exec(ctx, prepareSession); err != nil {
		return p, err
	}
	const find = `
		SELECT c.oid, n.nspname
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.oid = '` + auditTable + `'::regclass`
	if err := tx.QueryRow(ctx, find).Scan(&p.oid, &p.schema); err != nil {
		return p, err
	}
	_, err = tx.Exec(ctx, `SELECT pg_advisory_xact_lock(1635083369, $1::oid::int4)`, p.oid)
	return p, err
}

// partitions returns the spans of all partitions, those that are being detached
// included, since their bounds still count. The catalogue has bounds only as an
// expression: FOR VALUES FROM ('…') TO ('…'), where either may be MINVALUE or
// MAXVALUE. greatest and least skip NULL and bring infinities to where time.Time
// can hold them.
func (p parent) partitions(ctx context.Context, tx pgx.Tx) ([]span, error) {
	const list = `
		SELECT greatest(substring(bound FROM 'FROM \(''([^'']+)''\)')::timestamptz, '0001-01-01 00:00:00+00'),
		       least(substring(bound FROM 'TO \(''([^'']+)''\)')::timestamptz, '20000-01-01 00:00:00+00')
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid,
		     pg_get_expr(c.relpartbound, c.oid) AS bound
		WHERE i.inhparent = $1 AND bound <> 'DEFAULT'`
	rows, err := tx.Query(ctx, list, p.oid)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (s span, err error) {
		err = row.Scan(&s.start, &s.end)
		return s, err
	})
}

// create has the database create a partition with the rights of the table's
// owner, since a writer may not (migration 0002). The function takes bounds at
// UTC midnights only, at most 31 days apart.
func (p parent) create(ctx context.Context, tx pgx.Tx, name string, part span) error {
	name, err := p.freeName(ctx, tx, name)
	if err != nil {
		return err
	}
	function := pgx.Identifier{p.schema, "auditflow_create_partition"}.Sanitize()
	_, err = tx.Exec(ctx, `SELECT `+function+`($1, $2, $3)`, name, part.start, part.end)
	return err
}

// freeName appends a number when something else has the name: a partition that
// was detached and not yet dropped must not keep late rows out.
func (p parent) freeName(ctx context.Context, tx pgx.Tx, name string) (string, error) {
	candidate := name
	for n := 2; ; n++ {
		var free bool
		qualified := pgx.Identifier{p.schema, candidate}.Sanitize()
		if err := tx.QueryRow(ctx, `SELECT to_regclass($1) IS NULL`, qualified).Scan(&free); err != nil {
			return "", err
		}
		if free {
			return candidate, nil
		}
		candidate = fmt.Sprintf("%s_%d", name, n)
	}
}
