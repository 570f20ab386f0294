package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// writer is one way of getting records into the table.
type writer struct {
	name string
	// write takes records from the source until ctx ends, and returns how many
	// rows are committed. It begins with []audit.Record and ends with an
	// answer of the server; what a caller of it would have to do is in its time.
	write func(ctx context.Context, w *writers, source *source) (rows int, err error)
}

// writers are the connections they use, as many as there are callers.
type writers struct {
	store *postgres.Store
	db    *pgxpool.Pool
}

// batch is how many records the batching writers take at a time.
const batch = 100

func contenders() []writer {
	return []writer{
		{"append_1_row", appending(1)},
		{"append_100_rows", appending(batch)},
		{"insert_1_row", insertRow},
		{"copy_100_rows", copyBatches},
		{"copy_stream", copyStream},
	}
}

func appending(size int) func(context.Context, *writers, *source) (int, error) {
	return func(ctx context.Context, w *writers, source *source) (rows int, err error) {
		for ctx.Err() == nil {
			records := source.next(size)
			// Not ctx: what was begun when the time was over is finished, and counts.
			if _, err := w.store.Append(context.WithoutCancel(ctx), records); err != nil {
				return rows, err
			}
			rows += len(records)
		}
		return rows, nil
	}
}

// insertStatement is what one would write without knowing better; pgx prepares
// it once for each connection.
//
//nolint:gochecknoglobals // a constant that takes a loop to write
var insertStatement = func() string {
	places := make([]string, len(columns))
	for i := range places {
		places[i] = fmt.Sprintf("$%d", i+1)
	}
	return "INSERT INTO " + auditTable + " (" + strings.Join(columnNames(), ", ") + ") VALUES (" + strings.Join(places, ", ") + ")"
}()

func insertRow(ctx context.Context, w *writers, source *source) (rows int, err error) {
	for ctx.Err() == nil {
		record := &source.next(1)[0]
		if _, err := w.db.Exec(context.WithoutCancel(ctx), insertStatement, values(nil, record)...); err != nil {
			return rows, err
		}
		rows++
	}
	return rows, nil
}

func copyBatches(ctx context.Context, w *writers, source *source) (rows int, err error) {
	for ctx.Err() == nil {
		n, err := copyRecords(context.WithoutCancel(ctx), w.db, source.next(batch))
		if err != nil {
			return rows, err
		}
		rows += n
	}
	return rows, nil
}

func copyRecords(ctx context.Context, db *pgxpool.Pool, records []audit.Record) (int, error) {
	n, err := db.CopyFrom(ctx, pgx.Identifier{auditTable}, columnNames(), pgx.CopyFromSlice(len(records), func(i int) ([]any, error) {
		return values(make([]any, 0, len(columns)), &records[i]), nil
	}))
	return int(n), err
}

// copyStream is the physical limit: one COPY for the whole time, which tells
// nobody what it stored before it ends.
func copyStream(ctx context.Context, w *writers, source *source) (int, error) {
	buffer := make([]any, 0, len(columns))
	var records []audit.Record
	n, err := w.db.CopyFrom(context.WithoutCancel(ctx), pgx.Identifier{auditTable}, columnNames(), pgx.CopyFromFunc(func() ([]any, error) {
		if len(records) == 0 {
			if ctx.Err() != nil {
				return nil, nil //nolint:nilerr // the time is over: that is the end of the rows
			}
			records = source.next(batch)
		}
		buffer = values(buffer[:0], &records[0])
		records = records[1:]
		return buffer, nil
	}))
	return int(n), err
}
