package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/auditflow/auditflow/audit"
)

// exportPage is how many rows one COPY yields. Each is a transaction of its own,
// so that reading ten million rows holds no snapshot, and with it vacuum of all
// tables, for as long as somebody takes to archive them. Another page costs
// one descent of an index.
const exportPage = 250_000

const readBuffer = 64 << 10 // bytes

// prepareExport makes the planner walk the index on created_at or the one on
// (created_at, id), both of which every partition has: sorting a partition of ten
// million rows would write all of it to disk first. Incremental sort, of the few
// rows of one created_at, stays. Who reads slowly reads a slow statement.
const prepareExport = `
	BEGIN READ ONLY;
	SET LOCAL statement_timeout = 0;
	SET LOCAL enable_sort = off;
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_bitmapscan = off;
	SET LOCAL max_parallel_workers_per_gather = 0;
	SET LOCAL jit = off`

// Export yields the rows of a partition after a key (zero: from the first) and
// before a bound (zero: to the last), in the order of the trail. A row is the
// caller's to keep, and is what [Store.Get] returns.
//
// It has a connection beside the pool until the caller stops or the context ends,
// and yields rows as they come: a caller that is slow slows the server down. What
// is written or deleted meanwhile may be among the rows or not.
func (s *Store) Export(ctx context.Context, partition string, after audit.Key, before time.Time) iter.Seq2[*audit.Persisted, error] {
	return exportRows(ctx, s, stretch{partition, after, before, exportPage})
}

func exportRows(ctx context.Context, s *Store, x stretch) iter.Seq2[*audit.Persisted, error] {
	key := func(row *audit.Persisted) audit.Key { return audit.Key{CreatedAt: row.CreatedAt, ID: row.ID} }
	return func(yield func(*audit.Persisted, error) bool) {
		var decoder rowDecoder
		pages(ctx, s, x, &tuples[*audit.Persisted]{columns: copyColumns, decode: decoder.decode, key: key, yield: yield})
	}
}

// Entries yields what proves the rows of a partition, in the order of the trail;
// see [Store.Export].
func (s *Store) Entries(ctx context.Context, partition string, before time.Time) iter.Seq2[audit.Entry, error] {
	const columns = "created_at, id, record_sha256"
	return func(yield func(audit.Entry, error) bool) {
		pages(ctx, s, stretch{partition, audit.Key{}, before, exportPage},
			&tuples[audit.Entry]{columns: columns, decode: decodeEntry, key: audit.Entry.Key, yield: yield})
	}
}

func decodeEntry(tuple []byte) (e audit.Entry, err error) {
	f := fields{tuple: tuple}
	e.At, _ = f.micros()
	e.ID = f.uuid()
	if digest, known := f.fixed(len(e.Digest)); known {
		copy(e.Digest[:], digest)
	}
	return e, f.end()
}

// stretch is what is read of a partition.
type stretch struct {
	partition string
	after     audit.Key
	before    time.Time
	page      int
}

// pages yields page after page, and the error that ends them.
func pages[T any](ctx context.Context, s *Store, x stretch, t *tuples[T]) {
	err := readPages(ctx, s, x, t)
	if err == nil || errors.Is(err, errEnough) {
		return
	}
	op := "read partition " + x.partition
	var none T
	if t.fault != nil {
		t.yield(none, &Error{Op: op + ": row " + t.key(t.last).ID, cause: t.fault})
		return
	}
	t.yield(none, explained(op, err))
}

func readPages[T any](ctx context.Context, s *Store, x stretch, t *tuples[T]) error {
	at, err := s.standing(ctx, x.partition)
	if err != nil {
		return err
	}
	conn, err := s.connectToRead(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return copyPages(ctx, conn, at.quoted(), x, t)
}

// connectToRead is a connection beside the pool: it may be in use for an hour,
// ends in mid-COPY when the reader stops, and reads more at a time than pgx does,
// which takes a system call for every seven rows.
func (s *Store) connectToRead(ctx context.Context) (*pgx.Conn, error) {
	pool := s.pool.Config()
	if err := pool.BeforeConnect(ctx, pool.ConnConfig); err != nil {
		return nil, err
	}
	pool.ConnConfig.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		return pgproto3.NewFrontend(bufio.NewReaderSize(r, readBuffer), w)
	}
	return pgx.ConnectConfig(ctx, pool.ConnConfig)
}

func copyPages[T any](ctx context.Context, conn *pgx.Conn, table string, x stretch, t *tuples[T]) error {
	for {
		statement, err := x.statement(table, t.columns)
		if err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, prepareExport); err != nil {
			return err
		}
		t.begun, t.n = false, 0
		if _, err := conn.PgConn().CopyTo(ctx, t, statement); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "COMMIT"); err != nil || t.n < x.page {
			return err
		}
		x.after = t.key(t.last)
	}
}

// statement has its bounds as literals, because COPY takes no parameters.
func (x stretch) statement(table, columns string) (string, error) {
	condition := "true"
	if !x.after.IsZero() {
		id := rowID(x.after.ID)
		at, err := timeLiteral(x.after.CreatedAt)
		if err != nil || !id.Valid {
			return "", refuse("the key to read after is none")
		}
		condition = fmt.Sprintf("(created_at, id) > (%s, '%s'::uuid)", at, id.String())
	}
	if !x.before.IsZero() {
		bound, err := timeLiteral(ceilMicro(x.before))
		if err != nil {
			return "", err
		}
		condition += " AND created_at < " + bound
	}
	return fmt.Sprintf("COPY (SELECT %s FROM %s WHERE %s ORDER BY created_at, id LIMIT %d) TO STDOUT (FORMAT binary)",
		columns, table, condition, x.page), nil
}

// timeLiteral writes a time as PostgreSQL reads it under any DateStyle.
func timeLiteral(t time.Time) (string, error) {
	text, err := pgtype.NewMap().Encode(pgtype.TimestamptzOID, pgtype.TextFormatCode, t.UTC(), nil)
	return "'" + string(text) + "'::timestamptz", err
}
