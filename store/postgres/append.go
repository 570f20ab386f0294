package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/auditflow/auditflow/audit"
)

// appendAttempts is how often Append creates the partitions it misses: once is
// the rule, another for a partition that is dropped at that very moment.
const appendAttempts = 3

// Append stores the records, all in one statement, and returns their receipts
// in the order of the slice; see the package comment for what that promises.
//
// It takes records as [audit.Record.Normalise] returns them, with RecordSHA256
// set, and refuses others with a [*RefusedError] for each; its other errors are
// [*Error]. One row that PostgreSQL cannot hold fails the whole slice
// ([ClassData]): append the halves to find it.
func (s *Store) Append(ctx context.Context, records []audit.Record) ([]audit.Receipt, error) {
	if len(records) == 0 {
		return nil, nil
	}
	if err := refuse(records); err != nil {
		return nil, fmt.Errorf("append %d records: %w", len(records), err)
	}
	op := "append " + subject(records)
	stored, err := s.insert(ctx, op, records)
	if err != nil {
		return nil, err
	}
	receipts := make([]audit.Receipt, len(records))
	var rest []int // the records that were not inserted
	for i := range records {
		key := keyOf(&records[i])
		partition, inserted := stored[key]
		if !inserted {
			rest = append(rest, i)
			continue
		}
		delete(stored, key) // the same key again, later in the slice, was not inserted
		receipts[i] = audit.Receipt{ID: records[i].ID, Partition: partition, Outcome: audit.OutcomeStored}
	}
	if len(rest) == 0 {
		return receipts, nil
	}
	if err := s.compare(ctx, op, records, rest, receipts); err != nil {
		return nil, err
	}
	return receipts, nil
}

// key is the primary key: id and created_at, in microseconds since 1970.
type key struct {
	id        pgtype.UUID
	createdAt int64
}

func keyOf(r *audit.Record) key {
	var id pgtype.UUID
	_ = id.Scan(r.ID) // refuse has checked it
	return key{id, r.CreatedAt.UnixMicro()}
}

// insert returns the partition of every record that it inserted, and creates
// the partitions that are missing.
func (s *Store) insert(ctx context.Context, op string, records []audit.Record) (map[key]string, error) {
	for attempt := 1; ; attempt++ {
		stored, err := s.tryInsert(ctx, records)
		if err == nil {
			return stored, nil
		}
		err = convert(op, err)
		e, ok := errors.AsType[*Error](err)
		if !ok || !isNoPartition(e) || attempt == appendAttempts {
			return nil, err
		}
		if _, err := s.createPartitions(ctx, s.periodsOf(records)); err != nil {
			return nil, convert(op+": create the missing partitions", err)
		}
	}
}

// tryInsert is one statement outside any transaction, hence a transaction of
// its own: all of the slice or nothing, and one round trip.
func (s *Store) tryInsert(ctx context.Context, records []audit.Record) (map[key]string, error) {
	rows, err := s.pool.Query(ctx, insertStatement, insertArguments(records)...)
	if err != nil {
		return nil, err
	}
	stored := make(map[key]string, len(records))
	var id pgtype.UUID
	var createdAt time.Time
	var partition string
	_, err = pgx.ForEachRow(rows, []any{&id, &createdAt, &partition}, func() error {
		stored[key{id, createdAt.UnixMicro()}] = partition
		return nil
	})
	return stored, err
}

// periodsOf returns the periods the records lie in, each once.
func (s *Store) periodsOf(records []audit.Record) []audit.Period {
	var periods []audit.Period
	seen := map[time.Time]bool{}
	for i := range records {
		period := audit.PeriodOf(s.interval, records[i].CreatedAt)
		if !seen[period.Start] {
			seen[period.Start] = true
			periods = append(periods, period)
		}
	}
	return periods
}

// compareStatement fetches the digests of rows that were there before. The
// LIMIT changes no result: it leaves the planner, whatever its statistics say,
// no join to choose that reads whole partitions, but one index look-up per key,
// in the one partition that can hold it.
const compareStatement = `
	SELECT wanted.n, existing.record_sha256, existing.tableoid::regclass::text
	FROM unnest($1::uuid[], $2::timestamptz[]) WITH ORDINALITY AS wanted (id, created_at, n)
	CROSS JOIN LATERAL (
		SELECT record_sha256, tableoid FROM ` + auditTable + ` a
		WHERE a.id = wanted.id AND a.created_at = wanted.created_at
		LIMIT 1
	) AS existing`

// compare fills in the receipts of the records at the positions in rest, whose
// keys have rows: a duplicate has the same digest, a conflict another.
func (s *Store) compare(ctx context.Context, op string, records []audit.Record, rest []int, receipts []audit.Receipt) error {
	op += ": compare with the rows that are there"
	ids, times := make([]pgtype.UUID, len(rest)), make([]time.Time, len(rest))
	for n, i := range rest {
		ids[n], times[n] = keyOf(&records[i]).id, records[i].CreatedAt
	}
	rows, err := s.pool.Query(ctx, compareStatement, ids, times)
	if err != nil {
		return convert(op, err)
	}
	var n int
	var digest []byte
	var partition string
	tag, err := pgx.ForEachRow(rows, []any{&n, &digest, &partition}, func() error {
		record := &records[rest[n-1]]
		outcome := audit.OutcomeConflict
		if bytes.Equal(digest, digestOf(record)) {
			outcome = audit.OutcomeDuplicate
		}
		receipts[rest[n-1]] = audit.Receipt{ID: record.ID, Partition: partition, Outcome: outcome}
		return nil
	})
	if err == nil && int(tag.RowsAffected()) < len(rest) {
		// Its partition was dropped between the two statements.
		return &Error{Op: op, cause: errors.New("a row has vanished meanwhile, append again")}
	}
	return convert(op, err)
}

// refuse checks what the statement relies on and the database would not catch.
func refuse(records []audit.Record) error {
	var faults []error
	for i := range records {
		r := &records[i]
		id := keyOf(r).id.String()
		require := func(ok bool, field, rule string) {
			if !ok {
				faults = append(faults, &RefusedError{Index: i, ID: id, Field: field, Rule: rule})
			}
		}
		digest, err := hex.DecodeString(r.RecordSHA256)
		year := r.CreatedAt.UTC().Year()
		require(id == r.ID && id != "", "id", "must be a UUID in lower case")
		require(err == nil && len(digest) == sha256.Size, "record_sha256", "must be set, 64 hexadecimal digits")
		// A row may create its partition, so a time that was never set would
		// create one for the year 1.
		require(year >= 1970 && year <= 9999, "created_at", "must lie in the years 1970 to 9999")
	}
	return errors.Join(faults...)
}

// subject names what is appended, for errors.
func subject(records []audit.Record) string {
	if len(records) == 1 {
		return "record " + records[0].ID
	}
	return fmt.Sprintf("%d records from %s on", len(records), records[0].ID)
}
