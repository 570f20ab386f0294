package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

func TestPartitionsAreListedByTheirStartWhateverBecameOfThem(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}, "timezone=America/Los_Angeles", "datestyle=SQL,DMY"), connect(t, address)
	execute(t, conn, `CREATE TABLE "The Future" PARTITION OF kubernetes_execution_audit FOR VALUES FROM ('2025-06-01 00:00:00+00') TO (MAXVALUE)`)
	execute(t, conn, `CREATE TABLE past PARTITION OF kubernetes_execution_audit FOR VALUES FROM (MINVALUE) TO ('2025-01-01 00:00:00+00')`)
	hot := space(t, conn)
	for month := range 4 {
		_, err := store.Append(t.Context(), many(month+1, january.AddDate(0, month, 0)))
		must(t, err)
	}
	must(t, store.Detach(t.Context(), "kubernetes_execution_audit_2025_02"))
	_, err := store.Append(t.Context(), many(1, january.AddDate(0, 1, 0))) // makes another February
	must(t, err)
	_, err = store.Move(t.Context(), january2025, hot, nil)
	must(t, err)
	execute(t, conn, `VACUUM ANALYZE kubernetes_execution_audit_2025_03`)

	// A reader keeps a partition from being detached as a whole.
	reader := connect(t, address)
	execute(t, reader, `BEGIN; SELECT FROM kubernetes_execution_audit`)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- store.Detach(ctx, "kubernetes_execution_audit_2025_04") }()
	until(t, conn, `SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)`)
	cancel()
	if <-done == nil {
		t.Fatal("it was detached")
	}

	list, err := store.Partitions(t.Context())
	must(t, err)
	var got []string
	for _, p := range list {
		if p.Bytes < 100_000 {
			t.Errorf("%s has %d bytes with its indexes", p.Name, p.Bytes)
		}
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %d %s", p.Name, p.State, p.Period.Start.Format(time.DateOnly),
			p.Period.End.Format(time.DateOnly), p.Rows, strings.ReplaceAll(p.Tablespace, hot, "hot"))))
	}
	want := []string{
		"past attached 0001-01-01 2025-01-01 -1",
		"kubernetes_execution_audit_2025_01 attached 2025-01-01 2025-02-01 1 hot",
		"kubernetes_execution_audit_2025_02 detached 2025-02-01 2025-03-01 -1",
		"kubernetes_execution_audit_2025_02_2 attached 2025-02-01 2025-03-01 -1",
		"kubernetes_execution_audit_2025_03 attached 2025-03-01 2025-04-01 3",
		"kubernetes_execution_audit_2025_04 detaching 2025-04-01 2025-05-01 -1",
		"The Future attached 2025-06-01 20000-01-01 -1",
	}
	equal(t, "partitions", strings.Join(got, "\n"), strings.Join(want, "\n"))
	equal(t, "name of the period in the archive", list[1].Period.Suffix(), "2025_01")

	for _, name := range []string{"kubernetes_execution_audit_2025_02", "kubernetes_execution_audit_2025_04"} {
		rows := exportAll(t, store.Export(t.Context(), name, audit.Key{}, time.Time{}))
		n, err := store.Count(t.Context(), name, time.Time{})
		must(t, err)
		equal(t, "rows of one on its way out", int64(len(rows)), n)
		equal(t, "entries", len(exportAll(t, store.Entries(t.Context(), name, time.Time{}))), len(rows))
	}
	execute(t, reader, `COMMIT`)
}

func TestTablespacesAreThoseThatTheLoginMayUse(t *testing.T) {
	t.Parallel()
	address := database(t)
	conn := connect(t, address)
	allowed, closed := space(t, conn), space(t, conn)
	execute(t, conn, `GRANT CREATE ON TABLESPACE `+allowed+` TO auditflow_maintainer`)
	list, err := open(t, postgres.Config{URL: login(t, address, "", maintainer)}).Tablespaces(t.Context())
	must(t, err)
	if !slices.Contains(list, allowed) || !slices.Contains(list, "pg_default") || slices.Contains(list, closed) || slices.Contains(list, "pg_global") {
		t.Errorf("tablespaces: %v", list)
	}
}

// Neither the superuser nor the owner of the database is needed.
func TestAMaintainerMovesAPartition(t *testing.T) {
	t.Parallel()
	_, conn, address := filled(t, 100)
	hot := space(t, conn)
	store := open(t, postgres.Config{URL: login(t, address, "", maintainer), MaxConns: 1})
	before := column[string](t, conn, shape, january2025)[0]
	if _, err := store.Move(t.Context(), january2025, hot, nil); err == nil {
		t.Error("moved to where the login may not create tables")
	}
	nothingLeft(t, conn)
	execute(t, conn, `GRANT CREATE ON TABLESPACE `+hot+` TO auditflow_maintainer`)
	moved, err := store.Move(t.Context(), january2025, hot, nil)
	must(t, err)
	equal(t, "moved", moved, true)
	equal(t, "places", places(t, conn, january2025), hot+wholePartition)
	equal(t, "shape", column[string](t, conn, shape, january2025)[0], before)
	nothingLeft(t, conn)
}

// A writer whose late row is mirrored has no right to the twin, nor to the function.
func TestAWriterWritesThroughTheMirrorAndCannotUseItOtherwise(t *testing.T) {
	t.Parallel()
	_, conn, finish := halfway(t, 10)
	late := connect(t, login(t, conn.Config().ConnString(), "", writer))
	for _, statement := range []string{
		`INSERT INTO ` + january2025 + `_moving SELECT * FROM ` + january2025,
		`CREATE TEMP TABLE mine (id int); CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION auditflow_mirror('x')`,
		`UPDATE auditflow_move SET broken = true`,
	} {
		if _, err := late.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	store := open(t, postgres.Config{URL: late.Config().ConnString()})
	_, err := store.Append(t.Context(), []audit.Record{complete("late", january)})
	must(t, err)
	must(t, finish())
	equal(t, "rows", column[int64](t, conn, `SELECT count(*) FROM kubernetes_execution_audit`)[0], 11)
}
