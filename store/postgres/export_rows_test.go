package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// exportAll collects what is yielded, which must be no error.
func exportAll[T any](t testing.TB, seq iter.Seq2[T, error]) (list []T) {
	t.Helper()
	for value, err := range seq {
		must(t, err)
		list = append(list, value)
	}
	return list
}

// anyTime is a partition for rows of any created_at.
func anyTime(t *testing.T) (*postgres.Store, *pgx.Conn) {
	t.Helper()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	execute(t, conn, `CREATE TABLE "Any; time" PARTITION OF kubernetes_execution_audit FOR VALUES FROM (MINVALUE) TO (MAXVALUE)`)
	return store, conn
}

// A row that is exported is what everybody else reads, else archived digests would
// be those of other rows.
func TestARowIsExportedAsItIsRead(t *testing.T) {
	t.Parallel()
	store, conn := anyTime(t)
	_, err := store.Append(t.Context(), []audit.Record{minimal("minimal", january), complete("complete", january)})
	must(t, err)
	changes := map[string]string{
		"year 1":                          `created_at = '0001-01-01 00:00:00+00', start_time = '0001-01-01 00:00:00.000001+00'`,
		"before Christ":                   `created_at = '0044-03-15 12:00:00+00 BC'`,
		"year 9999":                       `created_at = '9999-12-31 23:59:59.999999+00', end_time = '9999-12-31 23:59:59.999999+00'`,
		"year 200000":                     `created_at = '200000-01-01 00:00:00+00'`,
		"months and days in an interval":  `duration = '1 year -3 days 04:05:06.789'`,
		"a negative interval":             `duration = '-00:00:00.000001'`,
		"an interval beyond 292 years":    `duration = '400 years'`,
		"NULL for what has a default":     `retry_count = NULL, max_retries = NULL, phase = NULL`,
		"no text is an empty one":         `output = '', error = '', workflow_ref = '', policy = ''`,
		"characters of four bytes":        `output = E'\\U0001F600é\\u2028\\x7f\\x01'`,
		"one megabyte out of line":        `output = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 32768) n)`,
		"compressed":                      `output = repeat('0123456789', 100000), action_parameters = jsonb_build_object('a', repeat('x', 100000))`,
		"numbers":                         `action_parameters = '{"b": 1e3, "aa": -0.10, "c": 123456789012345678901234567890.5, "d": 1e-7, "e": [0, -0]}'`,
		"escapes":                         `action_parameters = '{"\"\\": "\u0001\u001f\b\f\n\r\t\/\u2028\u007f<&>\u00e9\ud83d\ude00", "": {"b": [], "a": {}}}'`,
		"parameters that are no object":   `action_parameters = '[true, false, null, "x"]'`,
		"parameters that are null":        `action_parameters = 'null'`,
		"usage that somebody else wrote":  `job_resource_usage = '{"cpu_millicores": 1, "memory_bytes": -2, "x": "y"}'`,
		"usage that is half":              `job_resource_usage = '{"memory_bytes": 7}'`,
		"usage that is null":              `job_resource_usage = 'null'`,
		"redactions that are none":        `redactions = '[]', notes = 'null'`,
		"redactions with unknown members": `redactions = '[{"rule": "r", "path": "p", "count": 3, "x": 1}, {}]'`,
	}
	for what, change := range changes {
		execute(t, conn, `CREATE TEMP TABLE changed AS SELECT * FROM kubernetes_execution_audit WHERE id = $1`, audit.ID("test", "complete"))
		execute(t, conn, `UPDATE changed SET id = $1`, audit.ID("changed", what))
		execute(t, conn, `UPDATE changed SET `+change)
		execute(t, conn, `INSERT INTO kubernetes_execution_audit SELECT * FROM changed`)
		execute(t, conn, `DROP TABLE changed`)
	}

	rows := exportAll(t, store.Export(t.Context(), "Any; time", audit.Key{}, time.Time{}))
	equal(t, "rows", len(rows), len(changes)+2)
	for _, row := range rows {
		want, err := store.Get(t.Context(), row.ID)
		must(t, err)
		if got := (audit.Persisted{Record: want.Record, PersistedAt: want.PersistedAt}); !reflect.DeepEqual(*row, got) {
			t.Errorf("exported %.600s\nread     %.600s", show(*row), show(got))
		}
	}
}

func show(value any) string { return fmt.Sprintf("%+v", value) }

// Nobody could say where in the trail it stands, nor write it down.
func TestARowWithAnInfiniteTimeEndsTheExportByItsName(t *testing.T) {
	t.Parallel()
	for _, column := range []string{"created_at", "start_time", "persisted_at"} {
		store, conn := anyTime(t)
		_, err := store.Append(t.Context(), []audit.Record{complete("infinite", january)})
		must(t, err)
		execute(t, conn, `UPDATE kubernetes_execution_audit SET `+column+` = 'infinity', output = 'confidential'`)
		id := audit.ID("test", "infinite")
		if _, err := store.Get(t.Context(), id); err == nil {
			t.Error("it can be read: then it should be exported")
		}
		n := 0
		for _, err := range store.Export(t.Context(), "Any; time", audit.Key{}, time.Time{}) {
			if n++; err == nil || !strings.Contains(err.Error(), "row "+id+": a time is infinite") || strings.Contains(err.Error(), "confidential") {
				t.Errorf("%s: %v", column, err)
			}
		}
		equal(t, "yielded", n, 1)
	}
}

func TestRowsComeInTheOrderOfTheTrailOverAllPages(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)})
	records := many(20, january)
	for i := range records { // four of each created_at
		records[i].CreatedAt = january.Add(time.Duration(i/4) * time.Microsecond)
		records[i] = digested(records[i])
	}
	_, err := store.Append(t.Context(), records)
	must(t, err)
	for _, size := range []int{1, 2, 3, 4, 10, 19, 20, 21} {
		rows := exportAll(t, postgres.ExportPages(t.Context(), store, january2025, size))
		equal(t, "rows", len(rows), len(records))
		for i := range rows[1:] {
			if keyOf(rows[i]).Compare(keyOf(rows[i+1])) >= 0 {
				t.Fatalf("pages of %d: row %d is not after the one before", size, i+1)
			}
		}
	}

	rows := exportAll(t, store.Export(t.Context(), january2025, audit.Key{}, time.Time{}))
	for i := range rows {
		rest := exportAll(t, store.Export(t.Context(), january2025, keyOf(rows[i]), time.Time{}))
		equal(t, "rows after a key", len(rest), len(rows)-i-1)
	}
	for nanos, want := range map[int]int{0: 0, 1: 4, 999: 4, 1000: 4, 1001: 8, 5000: 20} {
		before := january.Add(time.Duration(nanos))
		equal(t, "rows before a bound", len(exportAll(t, store.Export(t.Context(), january2025, audit.Key{}, before))), want)
		count, err := store.Count(t.Context(), january2025, before)
		must(t, err)
		equal(t, "count", count, int64(want))
		entries := exportAll(t, store.Entries(t.Context(), january2025, before))
		equal(t, "entries", len(entries), want)
		for i, e := range entries {
			want, err := rows[i].Entry()
			must(t, err)
			equal(t, "entry", e, want)
		}
	}
}

func keyOf(row *audit.Persisted) audit.Key { return audit.Key{CreatedAt: row.CreatedAt, ID: row.ID} }

func TestARowIsTheCallersToKeep(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)})
	_, err := store.Append(t.Context(), many(50, january))
	must(t, err)
	rows := exportAll(t, store.Export(t.Context(), january2025, audit.Key{}, time.Time{}))
	for i, row := range rows {
		for k := range row.ActionParameters {
			row.ActionParameters[k] = '1' // must be nobody else's
		}
		if i > 0 && row.Digest() == rows[0].Digest() {
			t.Error("two rows are one")
		}
	}
	for i, row := range exportAll(t, store.Export(t.Context(), january2025, audit.Key{}, time.Time{})) {
		equal(t, "digest", row.Digest(), row.RecordSHA256)
		rows[i].ActionParameters = row.ActionParameters
		if !reflect.DeepEqual(row, rows[i]) {
			t.Errorf("row %d has changed", i)
		}
	}
}

func TestWhoeverStopsEarlyOrGivesUpLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address, MaxConns: 1}), connect(t, address)
	records := many(300, january)
	for i := range records {
		records[i].Output = strings.Repeat("0123456789", 2000) // more than any buffer holds
	}
	_, err := store.Append(t.Context(), records)
	must(t, err)

	for range 3 {
		for _, err := range store.Export(t.Context(), january2025, audit.Key{}, time.Time{}) {
			must(t, err)
			// Not even the pool's only connection is taken.
			must(t, store.Ping(t.Context()))
			break
		}
	}
	func() {
		defer func() { _ = recover() }()
		for _, err := range store.Export(t.Context(), january2025, audit.Key{}, time.Time{}) {
			must(t, err)
			panic("whatever")
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, last = range store.Export(ctx, january2025, audit.Key{}, time.Time{}) {
		cancel()
	}
	if !errors.Is(last, context.Canceled) || postgres.Class(last) != postgres.ClassCanceled {
		t.Errorf("after its context has ended: %v", last)
	}
	must(t, store.Ping(t.Context()))
	eventually(t, "no statement is left on the server", func() bool {
		return column[int64](t, conn, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND (query LIKE 'COPY%' OR state LIKE 'idle in%') AND pid <> pg_backend_pid()`)[0] == 0
	})
}

func TestOnlyPartitionsAreExported(t *testing.T) {
	t.Parallel()
	store, _ := anyTime(t)
	for _, name := range []string{
		"", "pg_authid", "kubernetes_execution_audit", "kubernetes_execution_audit_archive", `"Any; time"`, "any; time",
		"x; DROP TABLE kubernetes_execution_audit", "kubernetes_execution_audit_2025_01",
	} {
		for _, err := range store.Export(t.Context(), name, audit.Key{}, time.Time{}) {
			if err == nil || !strings.Contains(err.Error(), "there is no such partition") {
				t.Errorf("%q: %v", name, err)
			}
		}
		if _, err := store.Count(t.Context(), name, time.Time{}); err == nil {
			t.Errorf("%q was counted", name)
		}
	}
	for _, err := range store.Export(t.Context(), "Any; time", audit.Key{ID: "' OR true --"}, time.Time{}) {
		if err == nil || !strings.Contains(err.Error(), "the key to read after is none") {
			t.Errorf("%v", err)
		}
	}
}

// Sorting ten million rows would write them to disk first.
func TestAPageIsReadFromTheIndexWhateverTheStatistics(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	_, err := store.Append(t.Context(), many(5, january))
	must(t, err)
	statement := postgres.ExportStatement(january2025)
	for _, rows := range []string{"0", "10000000"} {
		execute(t, conn, `UPDATE pg_class SET reltuples = `+rows+`, relpages = `+rows+` / 5 WHERE relname = '`+january2025+`'`)
		tx, err := conn.Begin(t.Context())
		must(t, err)
		execute(t, conn, strings.TrimPrefix(strings.TrimSpace(postgres.PrepareExport), "BEGIN READ ONLY;"))
		plan := strings.Join(column[string](t, conn, `EXPLAIN `+statement), "\n")
		if !strings.Contains(plan, "Index Scan") || strings.Contains(strings.ReplaceAll(plan, "Incremental Sort", ""), "Sort ") {
			t.Errorf("of %s rows:\n%s", rows, plan)
		}
		must(t, tx.Rollback(t.Context()))
	}
}
