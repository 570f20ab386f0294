package postgres_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

var persisted = time.Date(2025, 1, 16, 1, 2, 3, 456789000, time.UTC)

// archivedRows are what the archive would yield of these records.
func archivedRows(records []audit.Record) iter.Seq2[*audit.Persisted, error] {
	return func(yield func(*audit.Persisted, error) bool) {
		for _, r := range records {
			if !yield(&audit.Persisted{Record: r, PersistedAt: persisted}, nil) {
				return
			}
		}
	}
}

// wholeJanuary is a restore of January 2025 until February 2026.
func wholeJanuary() audit.Restore {
	return audit.Restore{
		Start: at(2025, 1, 1), End: at(2025, 2, 1), Reason: "an audit", RestoredBy: "ann",
		RestoredAt: at(2026, 1, 1), ExpiresAt: at(2026, 2, 1),
	}
}

func TestRestoredRowsAreWhatTheyWere(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	records := []audit.Record{complete("complete", january), minimal("minimal", january.Add(time.Second))}
	note, err := store.Restore(t.Context(), wholeJanuary(), archivedRows(records))
	must(t, err)
	want := wholeJanuary()
	want.ID, want.Rows = 1, 2
	equal(t, "note", note, want)
	restores, err := store.Restores(t.Context())
	must(t, err)
	equal(t, "restores", fmt.Sprint(restores), fmt.Sprint([]audit.Restore{want}))
	rows, bytes, err := store.Restored(t.Context())
	must(t, err)
	if rows != 2 || bytes < 8192 {
		t.Errorf("restored are %d rows, %d bytes", rows, bytes)
	}

	for _, r := range records {
		row, err := store.Get(t.Context(), r.ID)
		must(t, err)
		equal(t, "table", row.Table, "kubernetes_execution_audit_archive")
		equal(t, "persisted at", row.PersistedAt, persisted)
		equal(t, "row", string(audit.CanonicalJSON(row.Record)), string(audit.CanonicalJSON(r)))
		equal(t, "digest of what came back", row.Digest(), r.RecordSHA256)
		again := readBack(t, conn, "kubernetes_execution_audit_archive", r.ID)
		equal(t, "row, read otherwise", string(audit.CanonicalJSON(again)), string(audit.CanonicalJSON(r)))
	}
}

func TestARestoreIsWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	altered := errors.New("segment x is altered")
	breaking := func(yield func(*audit.Persisted, error) bool) {
		for row, err := range archivedRows(many(3, january)) {
			if !yield(row, err) {
				return
			}
		}
		yield(nil, altered)
	}
	_, err := store.Restore(t.Context(), wholeJanuary(), breaking)
	if !errors.Is(err, altered) {
		t.Errorf("got: %v", err)
	}
	cut := func(yield func(*audit.Persisted, error) bool) {
		for row, err := range archivedRows(many(3, january)) {
			if !yield(row, err) {
				return
			}
		}
		cutCopy(t, conn)
	}
	_, err = store.Restore(t.Context(), wholeJanuary(), cut)
	if err == nil {
		t.Error("restored over a connection that was cut")
	}
	for what, c := range map[string]struct {
		restore func(*audit.Restore)
		records []audit.Record
		because string
	}{
		"a row of another month":  {func(*audit.Restore) {}, []audit.Record{complete("x", at(2025, 2, 1))}, "lies outside"},
		"another row than wanted": {func(r *audit.Restore) { r.Record = audit.ID("test", "y") }, many(1, january), "is not the one"},
		"a row without digest":    {func(*audit.Restore) {}, []audit.Record{{ID: audit.ID("test", "x"), CreatedAt: january}}, "record_sha256 must be set"},
		"no reason":               {func(r *audit.Restore) { r.Reason = "" }, nil, "reason: is required"},
		"nobody":                  {func(r *audit.Restore) { r.RestoredBy = "" }, nil, "restored_by: is required"},
		"no end":                  {func(r *audit.Restore) { r.ExpiresAt = time.Time{} }, nil, "expires_at: is required"},
		"no time":                 {func(r *audit.Restore) { r.End = r.Start }, nil, "start: must lie before the end"},
		"no id":                   {func(r *audit.Restore) { r.Record = "x" }, nil, "record_id: must be a UUID"},
	} {
		r := wholeJanuary()
		c.restore(&r)
		_, err := store.Restore(t.Context(), r, archivedRows(c.records))
		refused(t, fmt.Errorf("%s: %w", what, err), c.because)
	}
	equal(t, "rows", count(t, conn, "kubernetes_execution_audit_archive"), 0)
	equal(t, "notes", count(t, conn, "auditflow_restore"), 0)
}

// cutCopy ends the connection that copies rows in. The rows may be asked for
// before the server has been told of the COPY.
func cutCopy(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	const copying = `FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'copy%' AND pid <> pg_backend_pid()`
	until(t, conn, `SELECT EXISTS (SELECT `+copying+`)`)
	execute(t, conn, `SELECT pg_terminate_backend(pid) `+copying)
}

func TestRowsStayUntilTheLastRestoreThatWantsThemExpires(t *testing.T) {
	t.Parallel()
	const rows = 6000 // two batches
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	records := many(rows, january)
	_, err := store.Restore(t.Context(), wholeJanuary(), archivedRows(records))
	must(t, err)
	one := wholeJanuary()
	one.Record, one.ExpiresAt = records[rows-1].ID, at(2026, 3, 1)
	note, err := store.Restore(t.Context(), one, archivedRows(records[rows-1:]))
	must(t, err)
	equal(t, "rows of a restore that were there already", note.Rows, 1)
	some := wholeJanuary()
	some.End, some.ExpiresAt = records[10].CreatedAt, at(2026, 4, 1)
	_, err = store.Restore(t.Context(), some, archivedRows(records[:10]))
	must(t, err)

	for _, step := range []struct {
		now         time.Time
		gone, stays int64
		restores    int
	}{
		{at(2026, 2, 1).Add(-1 * time.Second), 0, rows, 3},
		{at(2026, 2, 1), rows - 11, 11, 2},
		{at(2026, 2, 2), 0, 11, 2},
		{at(2026, 3, 1), 1, 10, 1},
		{at(2026, 5, 1), 10, 0, 0},
	} {
		gone, err := store.ExpireRestores(t.Context(), step.now)
		must(t, err)
		equal(t, "gone on "+step.now.String(), gone, step.gone)
		equal(t, "rows", count(t, conn, "kubernetes_execution_audit_archive"), step.stays)
		restores, err := store.Restores(t.Context())
		must(t, err)
		equal(t, "restores", len(restores), step.restores)
	}
	equal(t, "restores that are remembered", count(t, conn, "auditflow_restore"), 3)
}

// An expiry that ran between the rows of a restore and its note would take them.
func TestExpiryDoesNotTakeRowsThatAreJustBeingRestored(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	_, err := store.Restore(t.Context(), wholeJanuary(), archivedRows(many(3, january)))
	must(t, err)
	// Stands still before it notes what it has inserted.
	observer := connect(t, address)
	execute(t, observer, `BEGIN; LOCK TABLE auditflow_restore IN SHARE MODE`)
	restored, expired := make(chan error, 1), make(chan error, 1)
	go func() {
		r := wholeJanuary()
		r.ExpiresAt = at(2026, 5, 1)
		_, err := store.Restore(t.Context(), r, archivedRows(many(3, january)))
		restored <- err
	}()
	until(t, conn, `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'auditflow_restore'::regclass)`)
	go func() {
		_, err := store.ExpireRestores(t.Context(), at(2026, 3, 1))
		expired <- err
	}()
	until(t, conn, `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory')`)
	execute(t, observer, `COMMIT`)
	must(t, <-restored)
	must(t, <-expired)
	equal(t, "rows", count(t, conn, "kubernetes_execution_audit_archive"), 3)
}

func TestTheViewShowsLiveAndRestoredRowsEachOnce(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 2)
	both, restored := many(2, january)[1], complete("restored", january.Add(time.Hour))
	both.DeliveredBy = "the archive"
	_, err := store.Restore(t.Context(), wholeJanuary(), archivedRows([]audit.Record{both, restored}))
	must(t, err)
	rows := column[string](t, conn, `SELECT format('%s %s %s', execution_id, restored, delivered_by)
		FROM kubernetes_execution_audit_all ORDER BY created_at`)
	equal(t, "rows", strings.Join(rows, "\n"), "execution-uid-0 f audit/KubernetesExecution/uid-0\n"+
		"execution-uid-1 f audit/KubernetesExecution/uid-1\nexecution-restored t audit/KubernetesExecution/restored")
}

func TestTheViewReadsNoMoreThanItsTablesWould(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 2000)
	for month := range 11 {
		_, err := store.Append(t.Context(), []audit.Record{complete("x", at(2025, time.Month(month+2), 1))})
		must(t, err)
	}
	_, err := store.Restore(t.Context(), wholeJanuary(), archivedRows(many(2000, january)))
	must(t, err)
	execute(t, conn, `ANALYZE`)
	explain := func(query string) string {
		return strings.Join(column[string](t, conn, `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) `+query), "\n")
	}
	for what, query := range map[string]string{
		"a stretch": `SELECT * FROM kubernetes_execution_audit_all WHERE created_at >= '2025-01-15 12:30:46+00' AND created_at < '2025-01-15 12:30:46.1+00'`,
		"an id":     `SELECT * FROM kubernetes_execution_audit_all WHERE id = '` + many(1, january)[0].ID + `'`,
	} {
		plan := explain(query)
		live, _, _ := strings.Cut(plan, "kubernetes_execution_audit_archive")
		if what == "a stretch" && strings.Contains(live, "_2025_02") {
			t.Errorf("%s: partitions are not pruned:\n%s", what, plan)
		}
		for _, table := range []string{"kubernetes_execution_audit_archive", january2025} {
			if strings.Contains(plan, "Seq Scan on "+table) {
				t.Errorf("%s: a whole table is read:\n%s", what, plan)
			}
		}
		// Of the rows that were restored, each is looked up, in one partition.
		if strings.Contains(plan, "Join") || !strings.Contains(plan, "(never executed)") {
			t.Errorf("%s: partitions are joined:\n%s", what, plan)
		}
	}
}
