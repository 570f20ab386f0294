package postgres_test

import (
	"errors"
	"testing"

	"github.com/auditflow/auditflow/store/postgres"
)

// asReader is the store as a login sees it that may read.
func asReader(t *testing.T, address string) *postgres.Store {
	t.Helper()
	return open(t, postgres.Config{URL: login(t, address, "", "auditflow_reader")})
}

func TestARowIsFoundByItsIDWhileItsPartitionIsOnItsWayOut(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 3)
	id := many(3, january)[1].ID
	reads := asReader(t, address)
	found := func(when, table string) {
		t.Helper()
		row, err := reads.Get(t.Context(), id)
		if err != nil || row.ID != id || row.Table != table || row.Digest() != row.RecordSHA256 {
			t.Errorf("%s: %s in %q, %v; want it in %s", when, row.ID, row.Table, err, table)
		}
	}
	found("attached", january2025)
	execute(t, conn, `INSERT INTO auditflow_detached (table_name, starts, ends) VALUES ($1, '2025-01-01Z', '2025-02-01Z')`, january2025)
	found("about to be detached", january2025)
	must(t, store.Detach(t.Context(), january2025))
	found("detached", january2025)

	execute(t, conn, `DROP TABLE `+january2025)
	if _, err := reads.Get(t.Context(), id); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("the table is gone: got %v", err)
	}
}

func TestAPartitionThatReadersMayNotReadIsNoFault(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 3)
	must(t, store.Detach(t.Context(), january2025))
	execute(t, conn, `REVOKE SELECT ON `+january2025+` FROM auditflow_reader`) // as a release before left it
	id := many(3, january)[1].ID
	reads := asReader(t, address)
	if _, err := reads.Get(t.Context(), id); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	must(t, store.Detach(t.Context(), january2025)) // as the next run of retention does
	if _, err := reads.Get(t.Context(), id); err != nil {
		t.Error(err)
	}
}
