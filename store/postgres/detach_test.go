package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

const january2025 = "kubernetes_execution_audit_2025_01" // where the rows of january are

// filled is a database with n rows of January 2025.
func filled(t testing.TB, n int, settings ...string) (*postgres.Store, *pgx.Conn, string) {
	t.Helper()
	address := database(t)
	store := open(t, postgres.Config{URL: address}, settings...)
	_, err := store.Append(t.Context(), many(n, january))
	must(t, err)
	return store, connect(t, address), address
}

// state is how far a partition is on its way out; "" is one that nobody knows.
func state(t testing.TB, store *postgres.Store, name string) audit.PartitionState {
	t.Helper()
	list, err := store.Partitions(t.Context())
	must(t, err)
	for _, p := range list {
		if p.Name == name {
			return p.State
		}
	}
	return ""
}

func refused(t testing.TB, err error, because string) {
	t.Helper()
	if _, ok := errors.AsType[*postgres.RefusedError](err); !ok || !strings.Contains(err.Error(), because) {
		t.Errorf("got %v, want a refusal: %s", err, because)
	}
}

func TestADetachedPartitionKeepsItsNameAndItsRowsAndIsKnown(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 3, "pool_max_conns=1", "statement_timeout=5000", "timezone=America/Los_Angeles", "datestyle=SQL,DMY")
	for range 2 { // again is no error
		must(t, store.Detach(t.Context(), january2025))
		equal(t, "state", state(t, store, january2025), audit.PartitionDetached)
	}
	equal(t, "partitions", partitions(t, conn), "")
	equal(t, "rows", count(t, conn, january2025), 3)
	noted := column[string](t, conn, `SELECT format('%s %s %s', table_name, starts AT TIME ZONE 'UTC', ends AT TIME ZONE 'UTC') FROM auditflow_detached`)
	equal(t, "noted", strings.Join(noted, ";"), january2025+" 2025-01-01 00:00:00 2025-02-01 00:00:00")
}

func TestWhatIsNoPartitionIsNotDetached(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 1)
	execute(t, conn, `CREATE TABLE kubernetes_execution_audit_2024_01 (x int)`)
	for _, name := range []string{"", "kubernetes_execution_audit", "kubernetes_execution_audit_2024_01", january2025 + "; DROP TABLE x", "pg_class"} {
		refused(t, store.Detach(t.Context(), name), "there is no such partition")
	}
	equal(t, "state", state(t, store, january2025), audit.PartitionAttached)
}

func TestAHeldPartitionIsNotDetached(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 1)
	hold, err := store.PlaceHold(t.Context(), audit.Hold{Kind: audit.HoldAction, Value: "scale-deployment", Reason: "audit", PlacedBy: "ann"})
	must(t, err)
	refused(t, store.Detach(t.Context(), january2025), fmt.Sprintf("held by hold %d (action)", hold.ID))
	equal(t, "noted", count(t, conn, "auditflow_detached"), 0)
	_, err = store.ReleaseHold(t.Context(), hold.ID, "bob")
	must(t, err)
	must(t, store.Detach(t.Context(), january2025))
}

func TestALateRowOfADetachedPartitionFindsAPlace(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 1)
	must(t, store.Detach(t.Context(), january2025))
	receipts, err := store.Append(t.Context(), []audit.Record{complete("late", january)})
	must(t, err)
	equal(t, "partition", receipts[0].Partition, january2025+"_2")
	must(t, store.Detach(t.Context(), january2025+"_2"))
	equal(t, "noted", count(t, conn, "auditflow_detached"), 2)
}

// reading holds a snapshot in which the partition is attached, until it is told.
func reading(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn := connect(t, address)
	execute(t, conn, `BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM kubernetes_execution_audit`)
	return conn
}

func TestASnapshotThatStillSeesThePartitionLeavesItPendingAndTheNextCallFinishes(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 3)
	reader := reading(t, address)
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	err := store.Detach(ctx, january2025)
	equal(t, "class of "+fmt.Sprint(err), postgres.Class(err), postgres.ClassTimeout)
	equal(t, "state", state(t, store, january2025), audit.PartitionDetaching)
	equal(t, "noted", count(t, conn, "auditflow_detached"), 1)

	// Its bounds still count: no other partition takes a late row, which has to wait
	// and is not put into quarantine for that. All else goes on.
	_, err = store.Append(t.Context(), []audit.Record{complete("late", january)})
	equal(t, "class of "+fmt.Sprint(err), postgres.Class(err), postgres.ClassDatabase)
	created, err := store.EnsurePeriod(t.Context(), audit.PeriodOf(audit.Monthly, january))
	must(t, err)
	equal(t, "created while its bounds count", created, false)
	created, err = store.EnsurePeriod(t.Context(), audit.PeriodOf(audit.Monthly, january.AddDate(0, 1, 0)))
	must(t, err)
	equal(t, "created beside it", created, true)
	equal(t, "quarantined", count(t, conn, "kubernetes_execution_audit_quarantine"), 0)

	execute(t, reader, `COMMIT`)
	must(t, store.Detach(t.Context(), january2025))
	equal(t, "state", state(t, store, january2025), audit.PartitionDetached)
	receipts, err := store.Append(t.Context(), []audit.Record{complete("late", january)})
	must(t, err)
	equal(t, "partition", receipts[0].Partition, january2025+"_2")
}

func TestDetachingEndsWhenTheSnapshotDoes(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 3)
	reader := reading(t, address)
	done := make(chan error, 1)
	go func() { done <- store.Detach(t.Context(), january2025) }()
	until(t, conn, `SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)`)
	execute(t, reader, `COMMIT`)
	must(t, <-done)
	equal(t, "state", state(t, store, january2025), audit.PartitionDetached)
}

// The partition itself may be locked, too: by somebody who exports it. PostgreSQL
// then wants that lock while it keeps others from attaching partitions.
func TestWhoeverReadsThePartitionItselfKeepsNobodyFromCreatingOthers(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 3)
	reader := connect(t, address)
	execute(t, reader, `BEGIN; LOCK TABLE `+january2025+` IN ACCESS SHARE MODE`)
	done := make(chan error, 1)
	go func() { done <- store.Detach(t.Context(), january2025) }()
	until(t, conn, `SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)`)
	for month := range 12 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := store.EnsurePeriod(ctx, audit.PeriodOf(audit.Monthly, at(2026, time.Month(month+1), 1)))
		cancel()
		must(t, err)
	}
	execute(t, reader, `COMMIT`)
	must(t, <-done)
}

func TestWritersAndReadersDoNotWaitWhilePartitionsAreDetached(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 3)
	reader := reading(t, address)
	writing, stop := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	for worker := range 3 {
		wait.Go(func() {
			for n := 0; writing.Err() == nil; n++ {
				_, err := store.Append(t.Context(), []audit.Record{complete(fmt.Sprint(worker, "-", n), january.AddDate(0, 1, 0))})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan error, 1)
	go func() { done <- store.Detach(t.Context(), january2025) }()
	var longest float64 // milliseconds
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		waited := column[*float64](t, conn, `SELECT max(extract(epoch FROM clock_timestamp() - l.waitstart) * 1000)::float8
			FROM pg_locks l JOIN pg_stat_activity a USING (pid)
			WHERE NOT l.granted AND l.locktype = 'relation' AND a.query ~* '(INSERT|SELECT)'`)
		if waited[0] != nil {
			longest = max(longest, *waited[0])
		}
	}
	execute(t, reader, `COMMIT`)
	must(t, <-done)
	stop()
	wait.Wait()
	if longest > 50 {
		t.Errorf("somebody waited %.0f ms for a lock", longest)
	}
}

func TestDetachingOnePartitionEightTimesAtOnce(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 3)
	reader := reading(t, address)
	var wait sync.WaitGroup
	errs := make(chan error, 8)
	for range cap(errs) {
		wait.Go(func() { errs <- store.Detach(t.Context(), january2025) })
	}
	until(t, conn, `SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)`)
	execute(t, reader, `COMMIT`)
	wait.Wait()
	close(errs)
	for err := range errs {
		must(t, err)
	}
	equal(t, "state", state(t, store, january2025), audit.PartitionDetached)
	equal(t, "rows", count(t, conn, january2025), 3)
}

func TestReadersAreGivenTheirRightByManyAtOnce(t *testing.T) {
	t.Parallel()
	_, conn, address := filled(t, 1)
	conns := make([]*pgx.Conn, 8)
	for i := range conns {
		conns[i] = connect(t, address)
	}
	for range 50 { // only in some do they collide
		execute(t, conn, "REVOKE SELECT ON "+january2025+" FROM auditflow_reader")
		var wait sync.WaitGroup
		errs := make(chan error, len(conns))
		for _, own := range conns {
			wait.Go(func() { errs <- postgres.LetRead(t.Context(), own, january2025) })
		}
		wait.Wait()
		close(errs)
		for err := range errs {
			must(t, err)
		}
	}
}

func TestThreePartitionsAtOnceThoughPostgreSQLDetachesOneAtATime(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 1)
	names := []string{january2025}
	for month := range 2 {
		receipts, err := store.Append(t.Context(), []audit.Record{complete("x", january.AddDate(0, month+1, 0))})
		must(t, err)
		names = append(names, receipts[0].Partition)
	}
	reader := reading(t, address)
	var wait sync.WaitGroup
	errs := make(chan error, len(names))
	for _, name := range names {
		wait.Go(func() { errs <- store.Detach(t.Context(), name) })
	}
	until(t, conn, `SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)`)
	execute(t, reader, `COMMIT`)
	wait.Wait()
	close(errs)
	for err := range errs {
		must(t, err)
	}
	equal(t, "partitions", partitions(t, conn), "")
	equal(t, "noted", count(t, conn, "auditflow_detached"), 3)
}

// An operator may have begun it by hand, and been interrupted.
func TestAnotherPartitionThatIsPendingIsFinishedFirstAndNoted(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 1)
	_, err := store.EnsurePeriod(t.Context(), audit.PeriodOf(audit.Monthly, january.AddDate(0, 1, 0)))
	must(t, err)
	reader := reading(t, address)
	execute(t, conn, `SET lock_timeout = 10`)
	_, err = conn.Exec(t.Context(), `ALTER TABLE kubernetes_execution_audit DETACH PARTITION kubernetes_execution_audit_2025_02 CONCURRENTLY`)
	equal(t, "by hand", code(err), "55P03")
	execute(t, reader, `COMMIT`)
	must(t, store.Detach(t.Context(), january2025))
	equal(t, "partitions", partitions(t, conn), "")
	equal(t, "the other", state(t, store, "kubernetes_execution_audit_2025_02"), audit.PartitionDetached)
}

func TestAConnectionThatIsCutWhileDetachingCostsOneMoreCall(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 3)
	reader := reading(t, address)
	done := make(chan error, 1)
	go func() { done <- store.Detach(t.Context(), january2025) }()
	until(t, conn, `SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)`)
	until(t, conn, `SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity
		WHERE datname = current_database() AND query LIKE 'ALTER TABLE%DETACH PARTITION%' AND pid <> pg_backend_pid()`)
	equal(t, "class", postgres.Class(<-done), postgres.ClassConnection)
	equal(t, "state", state(t, store, january2025), audit.PartitionDetaching)
	execute(t, reader, `COMMIT`)
	must(t, store.Detach(t.Context(), january2025))
}

func TestDetachingLeavesNoConnectionAndNoLockBehind(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 3)
	reader := reading(t, address)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- store.Detach(ctx, january2025) }()
	until(t, conn, `SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)`)
	cancel()
	if err := <-done; err == nil {
		t.Error("it was detached under a reader")
	}
	until(t, conn, `SELECT NOT EXISTS (SELECT FROM pg_locks WHERE mode = 'ShareUpdateExclusiveLock'
		AND relation = 'kubernetes_execution_audit'::regclass)`)
	execute(t, reader, `COMMIT`)
}
