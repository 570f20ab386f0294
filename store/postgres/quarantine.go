package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
)

const quarantineTable = "kubernetes_execution_audit_quarantine"

// Quarantined is a record that PostgreSQL would not take into the audit table,
// kept whole in kubernetes_execution_audit_quarantine until it can be.
type Quarantined struct {
	ID            string    `json:"id"`
	CreatedAt     time.Time `json:"created_at,omitzero"`
	QuarantinedAt time.Time `json:"quarantined_at"` // by the clock of the database
	// Reason says what was wrong, without content: condition, SQLSTATE,
	// constraint, column; or field and rule.
	Reason      string       `json:"reason"`
	DeliveredBy string       `json:"delivered_by,omitempty"`
	Record      audit.Record `json:"record"` // redacted, as delivered
}

// quarantine puts the items at fault into quarantine and settles them. One that
// is there already stays as it is, with the reason it was given first.
func (s *Store) quarantine(ctx context.Context, op string, items []*item) error {
	items = atFault(items)
	if len(items) == 0 {
		return nil
	}
	rows := len(items)
	ids, times, records := make([]string, rows), make([]*time.Time, rows), make([][]byte, rows)
	reasons, workflows := make([]string, rows), make([]*string, rows)
	for i, it := range items {
		ids[i], records[i] = quarantineID(it.record.ID), encodeRecord(*it.record)
		if normalTime(it.record.CreatedAt) {
			times[i] = &it.record.CreatedAt
		}
		reasons[i], workflows[i] = it.fault, text(holdable(it.record.DeliveredBy))
	}
	const insert = `
		INSERT INTO ` + quarantineTable + ` (id, created_at, record, reason, delivered_by)
		SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::bytea[], $4::text[], $5::text[])
		ON CONFLICT (id, record_digest) DO NOTHING`
	if _, err := s.pool.Exec(ctx, insert, ids, times, records, reasons, workflows); err != nil {
		return convert(op+": put into quarantine", err)
	}
	for _, it := range items {
		it.settle(audit.OutcomeQuarantined, quarantineTable)
	}
	return nil
}

// quarantinePage is how many entries are looked up at once; their records, which
// may be large, are read one by one.
const quarantinePage = 256

// entry is the place of a record in quarantine: in the order of the list and by
// its key.
type entry struct {
	quarantinedAt time.Time
	id            string
	digest        []byte
}

// Quarantine yields what is in quarantine, the oldest first; a limit of 0 is
// all. Between two records it holds no connection, and one record in memory.
// An error is the last thing it yields.
func (s *Store) Quarantine(ctx context.Context, limit int) iter.Seq2[Quarantined, error] {
	const op = "read the quarantine"
	return func(yield func(Quarantined, error) bool) {
		if limit < 0 {
			yield(Quarantined{}, fmt.Errorf("%s: limit %d: want 0 or more", op, limit))
			return
		}
		if limit == 0 {
			limit = math.MaxInt
		}
		var last entry
		for page := quarantinePage; limit > 0 && page == quarantinePage; {
			entries, err := s.entriesAfter(ctx, last, min(limit, quarantinePage))
			if err != nil {
				yield(Quarantined{}, convert(op, err))
				return
			}
			for _, e := range entries {
				q, err := s.readEntry(ctx, e)
				if errors.Is(err, pgx.ErrNoRows) {
					continue // replayed meanwhile
				}
				if !yield(q, convert(op, err)) || err != nil {
					return
				}
				last = e
			}
			page, limit = len(entries), limit-len(entries)
		}
	}
}

func (s *Store) entriesAfter(ctx context.Context, last entry, limit int) ([]entry, error) {
	return s.entries(ctx, `WHERE (quarantined_at, id, record_digest) > ($1, $2, $3)
		ORDER BY quarantined_at, id, record_digest LIMIT $4`, last.quarantinedAt, last.id, last.digest, limit)
}

func (s *Store) entriesOf(ctx context.Context, id string) ([]entry, error) {
	return s.entries(ctx, `WHERE id = $1 ORDER BY quarantined_at, record_digest`, quarantineID(id))
}

func (s *Store) entries(ctx context.Context, which string, arguments ...any) ([]entry, error) {
	rows, err := s.pool.Query(ctx, `SELECT quarantined_at, id, record_digest FROM `+quarantineTable+" "+which, arguments...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e entry, err error) {
		err = row.Scan(&e.quarantinedAt, &e.id, &e.digest)
		return e, err
	})
}

func (s *Store) readEntry(ctx context.Context, e entry) (q Quarantined, err error) {
	const query = `
		SELECT id, created_at, quarantined_at, reason, coalesce(delivered_by, ''), record
		FROM ` + quarantineTable + ` WHERE id = $1 AND record_digest = $2`
	var createdAt *time.Time
	var record []byte
	err = s.pool.QueryRow(ctx, query, e.id, e.digest).Scan(
		&q.ID, &createdAt, &q.QuarantinedAt, &q.Reason, &q.DeliveredBy, &record)
	if err != nil {
		return Quarantined{}, err
	}
	if createdAt != nil {
		q.CreatedAt = createdAt.UTC()
	}
	q.QuarantinedAt = q.QuarantinedAt.UTC()
	q.Record, err = decodeRecord(record, q.DeliveredBy)
	return q, err
}

// Quarantined counts what is in quarantine.
func (s *Store) Quarantined(ctx context.Context) (n int64, err error) {
	err = s.pool.QueryRow(ctx, `SELECT count(*) FROM `+quarantineTable).Scan(&n)
	return n, convert("count the quarantine", err)
}
