package postgres_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// grave is a tombstone of a run.
func grave(run string) audit.Tombstone {
	return audit.Tombstone{
		Why: "older than 90 days", Policy: "live 90d", Manifest: strings.Repeat("ab", 32),
		WorkflowID: "audit-retention", RunID: run, DeletedAt: at(2025, 6, 1),
	}
}

func TestDroppingLeavesATombstoneAndNothingElse(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 3)
	must(t, store.Detach(t.Context(), january2025))
	for range 2 { // the same run again is no error
		must(t, store.Drop(t.Context(), january2025, 3, grave("run-1")))
	}
	refused(t, store.Drop(t.Context(), january2025, 3, grave("run-2")), "there is no such partition")
	equal(t, "state", state(t, store, january2025), "")
	equal(t, "noted as detached", count(t, conn, "auditflow_detached"), 0)
	equal(t, "tables", column[int64](t, conn, `SELECT count(*) FROM pg_class WHERE relname = $1`, january2025)[0], 0)

	tombstones, err := store.Tombstones(t.Context(), 0)
	must(t, err)
	equal(t, "tombstones", len(tombstones), 1)
	want := grave("run-1")
	want.ID, want.What, want.Name, want.Rows = tombstones[0].ID, audit.DeletedPartition, january2025, 3
	want.Start, want.End, want.Bytes = at(2025, 1, 1), at(2025, 2, 1), tombstones[0].Bytes
	equal(t, "tombstone", tombstones[0], want)
	if want.Bytes < 8192 {
		t.Errorf("bytes: %d", want.Bytes)
	}
}

func TestWhatMustNotBeDroppedStays(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 3)
	refused(t, store.Drop(t.Context(), january2025, 3, grave("run")), "it is attached, not detached")
	must(t, store.Detach(t.Context(), january2025))
	refused(t, store.Drop(t.Context(), january2025, 2, grave("run")), "it has 3 rows, and 2 were compared")
	refused(t, store.Drop(t.Context(), january2025, 4, grave("run")), "it has 3 rows, and 4 were compared")
	hold, err := store.PlaceHold(t.Context(), audit.Hold{Kind: audit.HoldPeriod, Start: january, End: january.Add(1), Reason: "audit", PlacedBy: "ann"})
	must(t, err)
	refused(t, store.Drop(t.Context(), january2025, 3, grave("run")), "held by hold 1 (period)")
	_, err = store.ReleaseHold(t.Context(), hold.ID, "bob")
	must(t, err)
	for _, name := range []string{"", "kubernetes_execution_audit", "auditflow_tombstone"} {
		refused(t, store.Drop(t.Context(), name, 0, grave("run")), "there is no such partition")
	}
	equal(t, "tombstones", count(t, conn, "auditflow_tombstone"), 0)
	must(t, store.Drop(t.Context(), january2025, 3, grave("run")))
}

func TestThereIsNoTombstoneWithoutADeletion(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 3)
	must(t, store.Detach(t.Context(), january2025))
	execute(t, conn, `CREATE VIEW theirs AS SELECT * FROM `+january2025) // keeps the table from being dropped
	err := store.Drop(t.Context(), january2025, 3, grave("run"))
	equal(t, "class", postgres.Class(err), postgres.ClassDatabase)
	equal(t, "tombstones", count(t, conn, "auditflow_tombstone"), 0)
	equal(t, "state", state(t, store, january2025), audit.PartitionDetached)
}

func TestDroppingOnePartitionEightTimesAtOnce(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 3)
	must(t, store.Detach(t.Context(), january2025))
	var wait sync.WaitGroup
	errs := make(chan error, 8)
	for range cap(errs) {
		wait.Go(func() { errs <- store.Drop(t.Context(), january2025, 3, grave("run")) })
	}
	wait.Wait()
	close(errs)
	for err := range errs {
		must(t, err)
	}
	equal(t, "tombstones", count(t, conn, "auditflow_tombstone"), 1)
}

func TestDroppingWaitsForWhoeverReadsTheTable(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 3)
	must(t, store.Detach(t.Context(), january2025))
	reader := connect(t, address)
	execute(t, reader, `BEGIN; LOCK TABLE `+january2025+` IN ACCESS SHARE MODE`)
	done := make(chan error, 1)
	go func() { done <- store.Drop(t.Context(), january2025, 3, grave("run")) }()
	until(t, conn, `SELECT EXISTS (SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted)`)
	equal(t, "tombstones", count(t, conn, "auditflow_tombstone"), 0)
	execute(t, reader, `COMMIT`)
	must(t, <-done)
	equal(t, "tombstones", count(t, conn, "auditflow_tombstone"), 1)
}

// Whoever places a hold while a partition is dropped is either told of in time or
// comes after it.
func TestAHoldThatIsJustBeingPlacedIsWaitedFor(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 3)
	must(t, store.Detach(t.Context(), january2025))
	placing := connect(t, address)
	execute(t, placing, `BEGIN; INSERT INTO auditflow_hold (kind, value, reason, placed_by)
		VALUES ('workflow_ref', 'alert-12345-workflow', 'audit', 'ann')`)
	done := make(chan error, 1)
	go func() { done <- store.Drop(t.Context(), january2025, 3, grave("run")) }()
	until(t, conn, `SELECT EXISTS (SELECT FROM pg_locks WHERE mode = 'ShareLock' AND NOT granted
		AND relation = 'auditflow_hold'::regclass)`)
	execute(t, placing, `COMMIT`)
	refused(t, <-done, "held by hold 1 (workflow_ref)")
	equal(t, "state", state(t, store, january2025), audit.PartitionDetached)
}

func TestALateRowKeepsItsOwnPartitionWhenTheOldOneIsDropped(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 3)
	must(t, store.Detach(t.Context(), january2025))
	_, err := store.Append(t.Context(), []audit.Record{complete("late", january.Add(time.Hour))})
	must(t, err)
	must(t, store.Drop(t.Context(), january2025, 3, grave("run")))
	equal(t, "partitions", partitions(t, conn), "2025_01_2 (2025-01-01) TO (2025-02-01)")
	equal(t, "rows", count(t, conn, "kubernetes_execution_audit"), 1)
}
