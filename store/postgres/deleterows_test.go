package postgres_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// entriesOf are what the archive would yield of these records.
func entriesOf(t testing.TB, records []audit.Record) iter.Seq2[audit.Entry, error] {
	t.Helper()
	return func(yield func(audit.Entry, error) bool) {
		for i := range records {
			if e, err := records[i].Entry(); !yield(e, err) {
				return
			}
		}
	}
}

// ids lists the executions whose rows are there, in the order of the trail.
func executions(t testing.TB, store *postgres.Store) string {
	t.Helper()
	var names []string
	for _, row := range collect(t, store.Find(t.Context(), postgres.Query{OldestFirst: true})) {
		names = append(names, strings.TrimPrefix(row.ExecutionID, "execution-"))
	}
	return strings.Join(names, " ")
}

func TestOnlyRowsThatAreArchivedAsTheyAreAreDeleted(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	var records []audit.Record
	for i, name := range []string{"first", "altered", "second", "late", "held", "third", "on-the-bound", "after"} {
		r := complete(name, january.Add(time.Duration(i)*time.Minute))
		if name == "held" {
			r.WorkflowRef = "held"
			r = digested(r)
		}
		records = append(records, r)
	}
	_, err := store.Append(t.Context(), records)
	must(t, err)
	hold := placed(t, store, audit.Hold{Kind: audit.HoldWorkflow, Value: "held"})
	var archived []audit.Record
	for _, r := range records {
		if r.ExecutionID == "execution-altered" {
			r.Output = "something else"
			r = digested(r)
		}
		if r.ExecutionID != "execution-late" {
			archived = append(archived, r)
		}
	}
	bound := records[6].CreatedAt

	var reported []int64
	deleted, err := store.DeleteRows(t.Context(), january2025, bound, entriesOf(t, archived), grave("run"), func(n int64) { reported = append(reported, n) })
	must(t, err)
	equal(t, "deleted", deleted, 3)
	equal(t, "reported", fmt.Sprint(reported), "[3]")
	equal(t, "rows that stay", executions(t, store), "altered late held on-the-bound after")

	deleted, err = store.DeleteRows(t.Context(), january2025, bound, entriesOf(t, archived), grave("run"), nil)
	must(t, err)
	equal(t, "deleted once more", deleted, 0)
	_, err = store.ReleaseHold(t.Context(), hold.ID, "bob")
	must(t, err)
	deleted, err = store.DeleteRows(t.Context(), january2025, bound, entriesOf(t, archived), grave("run"), nil)
	must(t, err)
	equal(t, "deleted after the release", deleted, 1)

	want := grave("run")
	want.What, want.Name, want.Rows, want.Start, want.End = audit.DeletedRows, january2025, 4, at(2025, 1, 1), bound
	tombstones, err := store.Tombstones(t.Context(), 0)
	must(t, err)
	want.ID = 2
	equal(t, "tombstones", fmt.Sprint(tombstones), fmt.Sprint([]audit.Tombstone{want}))
	equal(t, "shares", count(t, conn, "auditflow_tombstone"), 2)
	equal(t, "partitions", partitions(t, conn), "2025_01 (2025-01-01) TO (2025-02-01)")
}

func TestEachKindOfHoldKeepsTheRowsItMatches(t *testing.T) {
	t.Parallel()
	hold := complete("held", january)
	hold.WorkflowRef, hold.ActionType, hold.TargetNamespace, hold.ExecutionNamespace = "w-2", "drain", "there", "here"
	records := []audit.Record{digested(hold), minimal("free", january.Add(time.Minute))} // whose namespaces are NULL
	for _, h := range []audit.Hold{
		{Kind: audit.HoldWorkflow, Value: "w-2"}, {Kind: audit.HoldAction, Value: "drain"},
		{Kind: audit.HoldNamespace, Value: "there"}, {Kind: audit.HoldNamespace, Value: "here"},
		{Kind: audit.HoldID, Value: hold.ID}, {Kind: audit.HoldPeriod, Start: january, End: january.Add(time.Minute)},
	} {
		t.Run(string(h.Kind)+" "+h.Value, func(t *testing.T) {
			t.Parallel()
			store := open(t, postgres.Config{URL: database(t)})
			_, err := store.Append(t.Context(), records)
			must(t, err)
			placed(t, store, h)
			_, err = store.DeleteRows(t.Context(), january2025, at(2026, 1, 1), entriesOf(t, records), grave("run"), nil)
			must(t, err)
			equal(t, "rows that stay", executions(t, store), "held")
			for _, r := range records {
				equal(t, "what audit.Hold says of "+r.ExecutionID, h.Matches(&r), r.ExecutionID == "execution-held")
			}
		})
	}
}

func TestDeletingThatWasInterruptedGoesOn(t *testing.T) {
	t.Parallel()
	const rows = 4500 // three batches
	store, conn, _ := filled(t, rows)
	away := errors.New("the bucket is away")
	interrupted := func(yield func(audit.Entry, error) bool) {
		n := 0
		for e, err := range entriesOf(t, many(rows, january)) {
			if n++; n > 4200 {
				yield(e, away)
				return
			}
			if !yield(e, err) {
				return
			}
		}
	}
	var reported []int64
	report := func(n int64) { reported = append(reported, n) }
	deleted, err := store.DeleteRows(t.Context(), january2025, at(2026, 1, 1), interrupted, grave("run"), report)
	if !errors.Is(err, away) {
		t.Errorf("got: %v", err)
	}
	equal(t, "deleted", deleted, 4000)
	deleted, err = store.DeleteRows(t.Context(), january2025, at(2026, 1, 1), entriesOf(t, many(rows, january)), grave("run"), report)
	must(t, err)
	equal(t, "deleted", deleted, 500)
	equal(t, "reported", fmt.Sprint(reported), "[2000 4000 0 0 500]")
	equal(t, "rows", count(t, conn, "kubernetes_execution_audit"), 0)
	shares := column[string](t, conn, `SELECT string_agg(row_count::text, ' ' ORDER BY id) FROM auditflow_tombstone`)
	equal(t, "shares", shares[0], "2000 2000 500")
	tombstones, err := store.Tombstones(t.Context(), 1)
	must(t, err)
	equal(t, "told as one", fmt.Sprint(len(tombstones), " ", tombstones[0].Rows), "1 4500")
}

func TestAHoldThatIsPlacedBetweenTwoBatchesCounts(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 4500)
	deleted, err := store.DeleteRows(t.Context(), january2025, at(2026, 1, 1), entriesOf(t, many(4500, january)), grave("run"), func(n int64) {
		if n == 2000 {
			placed(t, store, audit.Hold{Kind: audit.HoldAction, Value: "scale-deployment"})
		}
	})
	must(t, err)
	equal(t, "deleted", deleted, 2000)
	equal(t, "rows", count(t, conn, "kubernetes_execution_audit"), 2500)
}

func TestADeletionWaitsForAHoldThatIsJustBeingPlaced(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 3)
	placing := connect(t, address)
	execute(t, placing, `BEGIN; INSERT INTO auditflow_hold (kind, value, reason, placed_by)
		VALUES ('workflow_ref', 'alert-12345-workflow', 'audit', 'ann')`)
	done := make(chan error, 1)
	go func() {
		_, err := store.DeleteRows(t.Context(), january2025, at(2026, 1, 1), entriesOf(t, many(3, january)), grave("run"), nil)
		done <- err
	}()
	until(t, conn, `SELECT EXISTS (SELECT FROM pg_locks WHERE mode = 'ShareLock' AND NOT granted
		AND relation = 'auditflow_hold'::regclass)`)
	execute(t, placing, `COMMIT`)
	must(t, <-done)
	equal(t, "rows", count(t, conn, "kubernetes_execution_audit"), 3)
}

func TestRowsOfWhatIsNoPartitionAreNotDeleted(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 3)
	execute(t, conn, `INSERT INTO kubernetes_execution_audit_archive SELECT * FROM kubernetes_execution_audit`)
	for _, name := range []string{"kubernetes_execution_audit", "kubernetes_execution_audit_archive"} {
		_, err := store.DeleteRows(t.Context(), name, at(2026, 1, 1), entriesOf(t, many(3, january)), grave("run"), nil)
		refused(t, err, "there is no such partition")
	}
}
