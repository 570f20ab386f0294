package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// halfway is a move whose rows are copied and which waits for an old snapshot.
func halfway(t *testing.T, rows int) (store *postgres.Store, conn *pgx.Conn, finish func() error) {
	t.Helper()
	store, conn, address := filled(t, rows)
	hot, reader := space(t, conn), connect(t, address)
	execute(t, reader, `BEGIN ISOLATION LEVEL REPEATABLE READ`)
	equal(t, "one", column[int](t, reader, `SELECT 1`)[0], 1)
	done := make(chan error, 1)
	go func() { _, err := store.Move(t.Context(), january2025, hot, nil); done <- err }()
	eventually(t, "it waits", func() bool {
		return column[bool](t, conn, `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE '%AS old (pid%' AND pid <> pg_backend_pid())`)[0]
	})
	return store, conn, func() error { execute(t, reader, `COMMIT`); return <-done }
}

func TestRowsThatAreDeletedMeanwhileStayDeleted(t *testing.T) {
	t.Parallel()
	_, conn, finish := halfway(t, 50)
	execute(t, conn, `DELETE FROM `+january2025+` WHERE created_at < $1`, january.Add(20*time.Millisecond))
	execute(t, conn, `UPDATE `+january2025+` SET delivered_by = 'changed' WHERE created_at = $1`, january.Add(30*time.Millisecond))
	execute(t, conn, `BEGIN ISOLATION LEVEL REPEATABLE READ`)
	if _, err := conn.Exec(t.Context(), `DELETE FROM `+january2025); err == nil {
		t.Error("an old snapshot could leave rows in the twin that are deleted")
	}
	execute(t, conn, `ROLLBACK`)
	must(t, finish())
	equal(t, "rows", column[int64](t, conn, `SELECT count(*) FROM kubernetes_execution_audit`)[0], 30)
	equal(t, "changed", column[int64](t, conn, `SELECT count(*) FROM kubernetes_execution_audit WHERE delivered_by = 'changed'`)[0], 1)
}

// A tablespace that is full is not the writers' concern.
func TestATwinThatTakesNoRowKeepsNoneOutOfThePartition(t *testing.T) {
	t.Parallel()
	store, conn, finish := halfway(t, 10)
	execute(t, conn, `ALTER TABLE `+january2025+`_moving ADD CHECK (execution_id <> 'execution-late') NOT VALID`)
	for range 2 {
		receipts, err := store.Append(t.Context(), []audit.Record{complete("late", january), complete("later", january)})
		must(t, err)
		equal(t, "partition", receipts[0].Partition, january2025)
	}
	refused(t, finish(), "it has changed meanwhile, and its copy was thrown away")
	nothingLeft(t, conn)
	moved, err := store.Move(t.Context(), january2025, space(t, conn), nil)
	must(t, err)
	equal(t, "moved", moved, true)
	equal(t, "rows", column[int64](t, conn, `SELECT count(*) FROM kubernetes_execution_audit`)[0], 12)
}

func TestATwinThatDiffersIsThrownAway(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]string{
		"a row less":   `DELETE FROM %s_moving WHERE id = (SELECT id FROM %[1]s LIMIT 1)`,
		"a row more":   `INSERT INTO %s_moving SELECT * FROM %[1]s LIMIT 0; UPDATE %[1]s_moving SET id = gen_random_uuid() WHERE id = (SELECT id FROM %[1]s LIMIT 1)`,
		"other digest": `UPDATE %s_moving SET record_sha256 = sha256('x') WHERE id = (SELECT id FROM %[1]s LIMIT 1)`,
		"other policy": `UPDATE %s_moving SET policy = NULL WHERE id = (SELECT id FROM %[1]s LIMIT 1)`,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			store, conn, finish := halfway(t, 20)
			execute(t, conn, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND query LIKE '%AS old (pid%' AND pid <> pg_backend_pid()`)
			if finish() == nil {
				t.Fatal("it was not cut off")
			}
			execute(t, conn, fmt.Sprintf(change, january2025))
			hot := column[string](t, conn, `SELECT tablespace FROM auditflow_move`)[0]
			_, err := store.Move(t.Context(), january2025, hot, nil)
			refused(t, err, "its copy differs and was thrown away")
			nothingLeft(t, conn)
			equal(t, "rows", column[int64](t, conn, `SELECT count(*) FROM kubernetes_execution_audit`)[0], 20)
		})
	}
}

func TestAMoveThatNobodyWantsAnyMoreIsTakenBackByTheNextOfAnyPartition(t *testing.T) {
	t.Parallel()
	store, conn, finish := halfway(t, 20)
	execute(t, conn, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND query LIKE '%AS old (pid%' AND pid <> pg_backend_pid()`)
	if finish() == nil {
		t.Fatal("it was not cut off")
	}
	_, err := store.EnsurePeriod(t.Context(), audit.PeriodOf(audit.Monthly, january.AddDate(0, 1, 0)))
	must(t, err)
	moved, err := store.Move(t.Context(), "kubernetes_execution_audit_2025_02", "", nil)
	must(t, err)
	equal(t, "moved", moved, false)
	nothingLeft(t, conn)
}

func TestAMoveEndsWithItsContextThoughALockIsNotToBeHad(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 20)
	hot, other := space(t, conn), connect(t, address)
	execute(t, other, `BEGIN; LOCK TABLE kubernetes_execution_audit IN ROW EXCLUSIVE MODE; LOCK TABLE `+january2025+` IN ROW EXCLUSIVE MODE`)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	stopWriters := writers(t, address)
	_, err := store.Move(ctx, january2025, hot, nil)
	if err == nil || errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if stopWriters() == 0 {
		t.Error("no row was written meanwhile")
	}
	execute(t, other, `COMMIT`)
	moved, err := store.Move(t.Context(), january2025, hot, nil)
	must(t, err)
	equal(t, "moved", moved, true)
	nothingLeft(t, conn)
}
