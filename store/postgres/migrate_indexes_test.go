package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

const beforeTheIndexes = 3 // the schema version

// unindexedDatabase has rows in January, February and March, and no indexes but
// those of the seed.
func unindexedDatabase(t *testing.T) (*postgres.Store, *pgx.Conn) {
	t.Helper()
	address := emptyDatabase(t)
	store := open(t, postgres.Config{URL: address})
	must(t, postgres.MigrateTo(t.Context(), store, beforeTheIndexes))
	conn := connect(t, address)
	execute(t, conn, `ALTER TABLE kubernetes_execution_audit ADD COLUMN policy VARCHAR(64)`) // which Append of this release wants
	for month := range 3 {
		_, err := store.Append(t.Context(), many(10, january.AddDate(0, month, 0)))
		must(t, err)
	}
	return store, conn
}

// busy keeps the migration waiting in mid-build of the partition's first index,
// until it is released.
func busy(t *testing.T, conn *pgx.Conn, partition string) (release func()) {
	t.Helper()
	execute(t, conn, `BEGIN`)
	execute(t, conn, `LOCK TABLE kubernetes_execution_audit_`+partition+` IN ROW EXCLUSIVE MODE`)
	return func() { execute(t, conn, `COMMIT`) }
}

func migrating(ctx context.Context, store *postgres.Store) <-chan error {
	done := make(chan error, 1)
	go func() { done <- store.Migrate(ctx) }()
	return done
}

// awaitBuild returns when the index that the busy connection is about waits for
// it. Builds of other partitions wait, too, for whoever has a snapshot: even for
// this very question.
func awaitBuild(t *testing.T, conn, busy *pgx.Conn) {
	t.Helper()
	eventually(t, "an index is built", func() bool {
		return column[bool](t, conn, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
			AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND $1 = ANY (pg_blocking_pids(pid)))`, busy.PgConn().PID())[0]
	})
}

// eventually waits for what another process does.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 seconds: %s", what)
		}
	}
}

// broken lists the indexes of the table and its partitions that are not valid.
func broken(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	return strings.Join(column[string](t, conn, `
		SELECT indexrelid::regclass::text FROM pg_index
		WHERE NOT indisvalid AND indrelid IN (SELECT relid FROM pg_partition_tree('kubernetes_execution_audit'))
		ORDER BY 1`), " ")
}

// allIndexed checks that every index of the table is whole, on every partition.
func allIndexed(t *testing.T, conn *pgx.Conn, partitions int64) {
	t.Helper()
	equal(t, "indexes that are not valid", broken(t, conn), "")
	covered := column[string](t, conn, `
		SELECT i.relname || ' on ' || count(child.inhrelid)
		FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid LEFT JOIN pg_inherits child ON child.inhparent = i.oid
		WHERE x.indrelid = 'kubernetes_execution_audit'::regclass GROUP BY i.relname
		HAVING count(child.inhrelid) <> $1`, partitions)
	equal(t, "indexes that do not cover all partitions", strings.Join(covered, ", "), "")
	equal(t, "indexes for queries", column[int64](t, conn, `SELECT count(*) FROM pg_index
		WHERE indrelid = 'kubernetes_execution_audit'::regclass`)[0], 7+6)
	strangers := column[string](t, conn, `SELECT c.relname FROM pg_class c JOIN pg_index x ON x.indexrelid = c.oid
		JOIN pg_class t ON t.oid = x.indrelid WHERE t.relname LIKE 'kubernetes_execution_audit%' AND c.relowner <> t.relowner`)
	equal(t, "indexes with another owner than their table", strings.Join(strangers, " "), "")
}

func TestIndexesAreBuiltWhileRowsAreReadAndWritten(t *testing.T) {
	t.Parallel()
	store, conn := unindexedDatabase(t)
	release := busy(t, conn, "2025_02")
	done := migrating(t.Context(), store)
	other := connect(t, conn.Config().ConnString())
	awaitBuild(t, other, conn)

	for month := range 5 { // one row each where partitions are, and two partitions more
		_, err := store.Append(t.Context(), []audit.Record{complete("meanwhile", january.AddDate(0, month, 0))})
		must(t, err)
	}
	equal(t, "rows found meanwhile", len(collect(t, store.Find(t.Context(), postgres.Query{}))), 35)
	select {
	case err := <-done:
		t.Fatalf("the migration did not wait: %v", err)
	default:
	}
	release()
	must(t, <-done)
	allIndexed(t, other, 5)
	equal(t, "rows found", len(collect(t, store.Find(t.Context(), postgres.Query{}))), 35)
}

func TestAnInterruptedMigrationIsRunAgain(t *testing.T) {
	t.Parallel()
	cases := map[string]string{ // what happens between the two attempts
		"nothing happens":                             `SELECT 1`,
		"the partition in question is dropped":        `DROP TABLE kubernetes_execution_audit_2025_02`,
		"all but the one that was done are dropped":   `DROP TABLE kubernetes_execution_audit_2025_02, kubernetes_execution_audit_2025_03`,
		"a partition is detached":                     `ALTER TABLE kubernetes_execution_audit DETACH PARTITION kubernetes_execution_audit_2025_02`,
		"the index was built but not attached":        `REINDEX TABLE kubernetes_execution_audit_2025_02`,
		"somebody dropped what was left of the index": `DROP INDEX idx_created_at_covering_2025_02`,
	}
	for name, between := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, conn := unindexedDatabase(t)
			release := busy(t, conn, "2025_02")
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			done := migrating(ctx, store)
			other := connect(t, conn.Config().ConnString())
			awaitBuild(t, other, conn)
			interrupt()
			if err := <-done; err == nil {
				t.Fatal("the migration was not interrupted")
			}
			eventually(t, "the build has ended", func() bool {
				return column[bool](t, other, `SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
					AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND state = 'active')`)[0]
			})
			release()
			equal(t, "left behind", broken(t, other), "idx_created_at_covering idx_created_at_covering_2025_02")
			execute(t, other, between)

			must(t, store.Migrate(t.Context()))
			attached := column[int64](t, other, `SELECT count(*) FROM pg_inherits WHERE inhparent = 'kubernetes_execution_audit'::regclass`)
			allIndexed(t, other, attached[0])
		})
	}
}
