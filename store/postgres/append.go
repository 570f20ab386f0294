package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/failpoint"
)

// appendAttempts is how often Append tries: once more after it has created the
// partitions it misses, and another time for a partition that is dropped, detached
// or exchanged at that very moment.
const appendAttempts = 3

// Append stores the records and returns their receipts in the order of the
// slice; see the package comment for what that promises. As long as PostgreSQL
// takes them all it is one statement.
//
// It takes records as [audit.Record.Normalise] returns them, with RecordSHA256
// set. A record that is not, or that PostgreSQL cannot hold, goes to quarantine
// and fails none of the others; its receipt says [audit.OutcomeQuarantined].
// What is no record's fault fails the call with an [*Error].
func (s *Store) Append(ctx context.Context, records []audit.Record) ([]audit.Receipt, error) {
	if len(records) == 0 {
		return nil, nil
	}
	op := "append " + describe(records)
	items := itemsOf(records)
	for _, round := range rounds(items) {
		if _, err := s.store(ctx, op, round); err != nil {
			return nil, err
		}
		failpoint.Hit("deliver.stored") // there may be more rounds, and some for quarantine
	}
	if err := s.quarantine(ctx, op, items); err != nil {
		return nil, err
	}
	if err := compare(ctx, s.pool, op, items); err != nil {
		return nil, err
	}
	return receiptsOf(items), nil
}

// describe names what is appended, for errors.
func describe(records []audit.Record) string {
	if len(records) == 1 {
		return subject(records[0].ID)
	}
	return fmt.Sprintf("%d records, the first is %s", len(records), subject(records[0].ID))
}

// subject names a record, unless its id could be anything.
func subject(id string) string {
	if !rowID(id).Valid {
		return "a record whose id is no UUID"
	}
	return "record " + id
}

// rounds are the items that are fit to be tried, as a rule all at once. Only of
// one id at several times the second has to wait: a statement does not see the
// rows that it is just writing.
func rounds(items []*item) (rounds [][]*item) {
	for waiting := fit(items); len(waiting) > 0; {
		var round, later []*item
		times := make(map[pgtype.UUID]int64, len(waiting))
		for _, it := range waiting {
			if at, seen := times[it.key.id]; seen && at != it.key.createdAt {
				later = append(later, it)
				continue
			}
			times[it.key.id] = it.key.createdAt
			round = append(round, it)
		}
		rounds, waiting = append(rounds, round), later
	}
	return rounds
}

// insert gives a receipt to every item that it inserted, and creates the
// partitions that are missing. When PostgreSQL cannot hold a row of theirs it
// inserts none and returns what it said as fault; err is everything else.
func (s *Store) insert(ctx context.Context, op string, items []*item) (fault *Error, err error) {
	for attempt := 1; ; attempt++ {
		err := convert(op, tryInsert(ctx, s.pool, items))
		e, failed := errors.AsType[*Error](err)
		switch {
		case !failed:
			return nil, nil
		case Class(e) == ClassData:
			return e, nil
		case attempt == appendAttempts:
			return nil, err
		case isMoved(e):
			continue
		case !isNoPartition(e):
			return nil, err
		}
		// Whatever this says, it is not about a row.
		if _, err := s.createPartitions(ctx, s.periodsOf(items)); err != nil {
			return nil, convert(op+": create the missing partitions", err)
		}
	}
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
}

// tryInsert is one statement. Outside any transaction it is one of its own, all
// of the items or none, and one round trip.
func tryInsert(ctx context.Context, db querier, items []*item) (err error) {
	ctx, span := traceInsert(ctx, len(items))
	defer func() { span.end(items, err) }()
	rows, err := db.Query(ctx, insertStatement, insertArguments(items)...)
	if err != nil {
		return err
	}
	inserted, err := insertedKeys(rows, len(items))
	if err != nil {
		return err
	}
	for _, it := range items {
		if partition, ok := inserted[it.key]; ok {
			delete(inserted, it.key) // the same key again, later in the slice, was not inserted
			it.settle(audit.OutcomeStored, partition)
		}
	}
	return nil
}

// insertedKeys reads the partition of every row that was inserted.
func insertedKeys(rows pgx.Rows, expected int) (map[key]string, error) {
	inserted := make(map[key]string, expected)
	var id pgtype.UUID
	var createdAt time.Time
	var partition string
	_, err := pgx.ForEachRow(rows, []any{&id, &createdAt, &partition}, func() error {
		inserted[key{id, createdAt.UnixMicro()}] = partition
		return nil
	})
	return inserted, err
}

// periodsOf returns the periods the items lie in, each once.
func (s *Store) periodsOf(items []*item) []audit.Period {
	var periods []audit.Period
	seen := map[time.Time]bool{}
	for _, it := range items {
		period := audit.PeriodOf(s.interval, it.record.CreatedAt)
		if !seen[period.Start] {
			seen[period.Start] = true
			periods = append(periods, period)
		}
	}
	return periods
}

// isNearby is the condition that a row a tells of the same execution as wanted:
// same id, and a created_at within the reach of the slice. One source may tell
// seconds and another microseconds, or get the time zone wrong. Rows farther away
// are not looked for: every partition would have to be asked for every row. The
// parameters from first on are what [reach] returns.
//
// ALL is for the planner: it prunes partitions by such a comparison, but has no
// index scan for it. An index on created_at would find all that happened on those
// days, and as long as a new partition has no statistics all indexes look alike.
// So the primary key is left.
func isNearby(wanted string, first int) string {
	return fmt.Sprintf(`a.id = %s.id
		AND a.created_at >= ALL (ARRAY[$%d::timestamptz]) AND a.created_at <= ALL (ARRAY[$%d::timestamptz])`,
		wanted, first, first+1)
}

// reach is from a day before the first created_at of the items to a day after
// the last.
func reach(items []*item) (from, to time.Time) {
	from, to = items[0].record.CreatedAt, items[0].record.CreatedAt
	for _, it := range items[1:] {
		if at := it.record.CreatedAt; at.Before(from) {
			from = at
		} else if at.After(to) {
			to = at
		}
	}
	return from.Add(-24 * time.Hour), to.Add(24 * time.Hour)
}

// compareStatement fetches the digests of rows that were there before: of the
// same key, or else nearby. The LIMIT leaves the planner, whatever its statistics
// say, no join to choose that reads whole partitions, but one index look-up per
// key.
//
//nolint:gochecknoglobals // a constant that takes a call to write
var compareStatement = fmt.Sprintf(`
	SELECT wanted.n, existing.record_sha256, existing.tableoid::regclass::text
	FROM unnest($1::uuid[], $2::timestamptz[]) WITH ORDINALITY AS wanted (id, created_at, n)
	CROSS JOIN LATERAL (
		SELECT record_sha256, tableoid FROM %s a WHERE %s
		ORDER BY a.created_at <> wanted.created_at, a.created_at
		LIMIT 1
	) AS existing`, auditTable, isNearby("wanted", 3))

// compare settles the items that are still open, whose rows were there before: a
// duplicate has the same digest, a conflict another.
func compare(ctx context.Context, db querier, op string, items []*item) error {
	open := unsettled(items)
	if len(open) == 0 {
		return nil
	}
	op += ": compare with the rows that are there"
	ids, times := make([]pgtype.UUID, len(open)), make([]time.Time, len(open))
	for n, it := range open {
		ids[n], times[n] = it.key.id, it.record.CreatedAt
	}
	from, to := reach(open)
	rows, err := db.Query(ctx, compareStatement, ids, times, from, to)
	if err != nil {
		return convert(op, err)
	}
	var n int
	var digest []byte
	var partition string
	tag, err := pgx.ForEachRow(rows, []any{&n, &digest, &partition}, func() error {
		outcome := audit.OutcomeConflict
		if bytes.Equal(digest, open[n-1].digest) {
			outcome = audit.OutcomeDuplicate
		}
		open[n-1].settle(outcome, partition)
		return nil
	})
	if err == nil && int(tag.RowsAffected()) < len(open) {
		// Its partition was dropped between the two statements.
		return &Error{Op: op, cause: errors.New("a row has vanished meanwhile, append again")}
	}
	return convert(op, err)
}
