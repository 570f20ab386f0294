package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/auditflow/auditflow/audit"
)

const archiveTable = auditTable + "_archive"

// Row is a record as it was stored, with what only the database knows.
type Row struct {
	audit.Record
	PersistedAt time.Time `json:"persisted_at"` // by the clock of the database
	// Table holds the row: a partition of kubernetes_execution_audit, or
	// kubernetes_execution_audit_archive when it was restored there.
	Table string `json:"table"`
}

// Query is a filter with an order and a page. The order is (created_at, id),
// newest first unless OldestFirst.
type Query struct {
	Filter
	OldestFirst bool
	// After is where the page before this one ended; the zero value begins at
	// the beginning. A record is on exactly one page, whatever is stored
	// meanwhile.
	After Cursor
	// Limit is how many rows at most; 0 is all.
	Limit int
}

// ErrNotFound is returned by [Store.Get].
var ErrNotFound = errors.New("no such record")

// Find yields the rows of a query one after the other as they are read, in
// memory that does not grow with their number. It reads page by page, each a
// statement of its own: no long transaction keeps vacuum or the detaching of
// partitions waiting, however slow the reader is, and a connection that is lost
// between two pages costs nothing. After an error, which is the last thing it
// yields, [CursorOf] the last row is where to go on. A query that makes no
// sense yields an [*ArgumentError].
func (s *Store) Find(ctx context.Context, q Query) iter.Seq2[Row, error] {
	where, err := q.selection()
	if err == nil && !q.After.isZero() {
		err = q.After.check()
	}
	if err == nil {
		err = checkLimit(q.Limit)
	}
	if err != nil {
		return failed(findRecords, err)
	}
	return func(yield func(Row, error) bool) {
		where := where.clone() // the sequence may be ranged over again
		if err := s.nameNamespaces(ctx, where); err != nil {
			yield(Row{}, convert(findRecords+": name the namespaces", err))
			return
		}
		s.list(ctx, q.listing(where))(yield)
	}
}

const findRecords = "find records" // for errors

func (q Query) listing(where *selection) listing {
	l := listing{
		op: findRecords, where: where, limit: q.Limit,
		order: []string{"created_at", "id"}, down: !q.OldestFirst,
		place: func(r Row) []any { return []any{r.CreatedAt, r.ID} },
	}
	if !q.After.isZero() {
		l.after = []any{q.After.CreatedAt, q.After.ID}
	}
	return l
}

// failed yields an error and nothing else.
func failed(op string, err error) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) { yield(Row{}, fmt.Errorf("%s: %w", op, err)) }
}
