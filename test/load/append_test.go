package main

import (
	"math"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/test/tool"
)

// contestants is a table with the present month and what the writers need.
func contestants(t *testing.T) (*writers, *source) {
	t.Helper()
	d := records(t, 500, 3, 1)
	url := filled(t, d, 1)
	db := connect(t, url)
	_, err := db.Exec(t.Context(), `TRUNCATE kubernetes_execution_audit`)
	must(t, err)
	return &writers{openStore(t, url), db}, &source{prepared: prepare(d), taken: new(atomic.Int64), now: until}
}

func TestEveryWriterStoresTheSameRowsAndCountsThem(t *testing.T) {
	t.Parallel()
	for _, w := range contenders() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			with, from := contestants(t)
			rows, _, err := race(t.Context(), w, with, from, 3, 50*time.Millisecond)
			must(t, err)
			equal(t, "rows in the table", one[int64](t, with.db, `SELECT count(*) FROM kubernetes_execution_audit`), int64(rows))
			equal(t, "ids", one[int64](t, with.db, `SELECT count(DISTINCT id) FROM kubernetes_execution_audit`), int64(rows))
			if rows == 0 {
				t.Error("it stored nothing")
			}
			// The source is the same for all, so its first record tells.
			first := (&source{prepared: from.prepared, taken: new(atomic.Int64), now: until}).next(1)[0]
			equal(t, "first row", one[string](t, with.db, `
				SELECT md5((to_jsonb(a) - 'persisted_at')::text) FROM kubernetes_execution_audit a WHERE id = $1`, first.ID),
				alone(t, with, &first))
		})
	}
}

// alone is the digest of a record's row as a single INSERT would write it.
func alone(t *testing.T, with *writers, r *audit.Record) string {
	t.Helper()
	tx, err := with.db.Begin(t.Context())
	must(t, err)
	defer tx.Rollback(t.Context()) //nolint:errcheck // it is what we want
	_, err = tx.Exec(t.Context(), `DELETE FROM kubernetes_execution_audit`)
	must(t, err)
	_, err = tx.Exec(t.Context(), insertStatement, values(nil, r)...)
	must(t, err)
	rows, err := tx.Query(t.Context(), `SELECT md5((to_jsonb(a) - 'persisted_at')::text) FROM kubernetes_execution_audit a`)
	must(t, err)
	sum, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[string])
	must(t, err)
	return sum
}

func TestRecordsHaveTheSizeThatIsClaimed(t *testing.T) {
	t.Parallel()
	for _, r := range prepare(records(t, 500, 3, 1)) {
		size := len(audit.CanonicalJSON(r))
		if math.Abs(float64(size)/recordSize-1) > .15 {
			t.Errorf("a record of %d bytes, want about %d", size, recordSize)
		}
	}
}

func TestTheAppendBenchmarkWritesExactlyTheFiguresThatArePromised(t *testing.T) {
	t.Parallel()
	var cells []*cell
	for _, callers := range callerCounts {
		for _, w := range contenders() {
			c := &cell{writer: w, callers: callers, rows: 1000, took: time.Second, cpu: spent{time.Second, 2 * time.Second}}
			if w.name == "append_100_rows" {
				c.rows = 600 + callers // just enough
			}
			cells = append(cells, c)
		}
	}
	figures := appendFiguresOf(cells)
	path := filepath.Join(t.TempDir(), "deep", "append.json")
	must(t, tool.WriteFigures(path, figures))
	writers := []string{"append_1_row", "append_100_rows", "insert_1_row", "copy_100_rows", "copy_stream"}
	equal(t, "keys", keysOf(t, path, append(writers, "1", "8", "64")...), "append_100_to_copy_100.* append_100_to_copy_stream.*"+
		" cpu_ms_per_row.*.*.client cpu_ms_per_row.*.*.server rows_per_s.*.*")
	equal(t, "rate", figures.RowsPerSecond["append_1_row"]["64"], 1000)
	equal(t, "ratio", figures.ToCopy["64"], .66)
	equal(t, "processor time of the server", figures.CPU["copy_stream"]["8"].Server, 2)
	must(t, figures.verdict())

	figures.ToCopy["8"] = .59
	if err := figures.verdict(); err == nil || !strings.Contains(err.Error(), "8 callers") {
		t.Errorf("0.59 is %v", err)
	}
}

func TestTheServersProcessorTimeIsThatOfAllItsProcesses(t *testing.T) {
	t.Parallel()
	cpu, db := newMeter(server.DataDir), connect(t, server.URL)
	before := cpu.read()
	_, err := db.Exec(t.Context(), `SELECT count(*) FROM generate_series(1, 3000000)`)
	must(t, err)
	if used := cpu.read().since(before); used.server < 50*time.Millisecond {
		t.Errorf("counting to three million took %v", used.server)
	}
}
