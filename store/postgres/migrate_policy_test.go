package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

const beforeThePolicy = 4 // the schema version

func TestRowsThatWereThereBeforeThePolicyAreReadWithoutOne(t *testing.T) {
	t.Parallel()
	address := oldDatabase(t, 20, 50)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	must(t, postgres.MigrateTo(t.Context(), store, beforeThePolicy))
	file := column[int64](t, conn, `SELECT pg_relation_filenode('kubernetes_execution_audit_2025_01_15')::bigint`)[0]
	must(t, store.Migrate(t.Context()))
	equal(t, "file of a partition, which is not written anew",
		column[int64](t, conn, `SELECT pg_relation_filenode('kubernetes_execution_audit_2025_01_15')::bigint`)[0], file)

	old := collect(t, store.Find(t.Context(), postgres.Query{}))
	equal(t, "rows", len(old), 50)
	for _, row := range old {
		equal(t, "policy of an old row", row.Policy, "")
	}
	// One for a partition that was there, one for a partition that is made now.
	for _, created := range []time.Time{january, january.AddDate(1, 0, 0)} {
		r := complete("new", created)
		r.ID = audit.ID("test", created.String())
		_, err := store.Append(t.Context(), []audit.Record{digested(r)})
		must(t, err)
		got, err := store.Get(t.Context(), r.ID)
		must(t, err)
		equal(t, "policy in "+got.Table, got.Policy, r.Policy)
	}
}

// The column needs a lock on every partition, also on the one that somebody has
// been reading for hours. While it waits for that one, it holds the others.
func TestAColumnIsAddedWithoutHoldingReadersAndWritersUp(t *testing.T) {
	t.Parallel()
	address := oldDatabase(t, 3, 10)
	store := open(t, postgres.Config{URL: address})
	must(t, postgres.MigrateTo(t.Context(), store, beforeThePolicy))
	reader, other, observer := connect(t, address), connect(t, address), connect(t, address)
	execute(t, reader, `BEGIN; SELECT count(*) FROM kubernetes_execution_audit_2025_01_02`)

	done := migrating(t.Context(), store)
	for range 3 {
		until(t, observer, `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted
			AND mode = 'AccessExclusiveLock' AND relation = 'kubernetes_execution_audit_2025_01_02'::regclass)`)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, written := other.Exec(ctx, insertPlain, 3)
		_, read := other.Exec(ctx, `SELECT count(*) FROM kubernetes_execution_audit`)
		cancel()
		must(t, written)
		must(t, read)
	}
	select {
	case err := <-done:
		t.Fatalf("the migration did not wait for the reader: %v", err)
	default:
	}
	execute(t, reader, `COMMIT`)
	must(t, <-done)
}
