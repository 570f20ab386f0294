package postgres_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// maintenance is what may be asked of a store beyond storing and reading records.
func maintenance(t *testing.T, store *postgres.Store) map[string]error {
	t.Helper()
	ctx := t.Context()
	_, placed := store.PlaceHold(ctx, audit.Hold{Kind: audit.HoldAction, Value: "drain", Reason: "r", PlacedBy: "ann"})
	_, released := store.ReleaseHold(ctx, 1, "ann")
	_, restored := store.Restore(ctx, wholeJanuary(), archivedRows(many(2, january)))
	_, expired := store.ExpireRestores(ctx, at(2027, 1, 1))
	_, deleted := store.DeleteRows(ctx, january2025, at(2026, 1, 1), entriesOf(t, many(1, january)), grave("run"), nil)
	buried := grave("run")
	buried.What, buried.Name = audit.DeletedArchive, "2025_01"
	return map[string]error{
		"place a hold": placed, "release a hold": released, "restore": restored, "expire restores": expired, "delete rows": deleted,
		"note a manifest": store.NoteArchived(ctx, manifest(january, 1)), "note a verification": store.NoteVerified(ctx, "2025_01", january),
		"write a tombstone": store.WriteTombstone(ctx, buried), "note a deletion": store.NoteDeleted(ctx, "2025_01"),
		"confirm a retention": store.ConfirmRetention(ctx, audit.Retention{Mode: audit.RetainAll, ConfirmedBy: "ann"}),
		"detach":              store.Detach(ctx, january2025), "drop": store.Drop(ctx, january2025, 1, grave("run")),
	}
}

func TestMaintenanceIsForTheMaintainer(t *testing.T) {
	t.Parallel()
	_, conn, address := filled(t, 2)
	// Something to release, to expire and to call deleted.
	execute(t, conn, `INSERT INTO auditflow_hold (kind, value, reason, placed_by) VALUES ('action', 'x', 'r', 'ann');
		INSERT INTO auditflow_restore (starts, ends, row_count, reason, restored_by, expires_at)
		VALUES ('2025-01-01', '2025-01-02', 0, 'r', 'ann', '2025-01-03');
		INSERT INTO auditflow_tombstone (what, name, starts, ends, row_count, bytes, why, policy)
		VALUES ('archive', '2025_01', now(), now(), 0, 0, 'w', 'p')`)
	for _, role := range []string{writer, reader, nobody} {
		for what, err := range maintenance(t, open(t, postgres.Config{URL: login(t, address, "", role)})) {
			e, ok := errors.AsType[*postgres.Error](err)
			if !ok || e.Code != "42501" {
				t.Errorf("%s may %s: %v", role, what, err)
			}
		}
	}
	equal(t, "rows", count(t, conn, "kubernetes_execution_audit"), 2)
	for what, err := range maintenance(t, open(t, postgres.Config{URL: login(t, address, "", maintainer)})) {
		if err != nil {
			t.Errorf("the maintainer may not %s: %v", what, err)
		}
	}
	equal(t, "rows", count(t, conn, "kubernetes_execution_audit"), 0)
}

func TestAReaderReadsWhatBecameOfTheTrail(t *testing.T) {
	t.Parallel()
	store, _, address := filled(t, 2)
	must(t, store.NoteArchived(t.Context(), manifest(january, 1)))
	placed(t, store, audit.Hold{Kind: audit.HoldAction, Value: "x"})
	_, err := store.Restore(t.Context(), wholeJanuary(), archivedRows(many(2, january)))
	must(t, err)
	must(t, store.ConfirmRetention(t.Context(), audit.Retention{Mode: audit.RetainAll, ConfirmedBy: "ann"}))
	must(t, store.Detach(t.Context(), january2025))
	must(t, store.Drop(t.Context(), january2025, 2, grave("run")))

	read := open(t, postgres.Config{URL: login(t, address, "", reader)})
	equal(t, "manifests", len(archived(t, read, "")), 1)
	holds, err := read.Holds(t.Context(), true)
	must(t, err)
	equal(t, "holds", len(holds), 1)
	restores, err := read.Restores(t.Context())
	must(t, err)
	equal(t, "restores", len(restores), 1)
	tombstones, err := read.Tombstones(t.Context(), 0)
	must(t, err)
	equal(t, "tombstones", len(tombstones), 1)
	retention, err := read.ConfirmedRetention(t.Context())
	must(t, err)
	equal(t, "retention", retention.Mode, audit.RetainAll)
	row, err := read.Get(t.Context(), many(1, january)[0].ID)
	must(t, err)
	equal(t, "table of a row that was dropped and restored", row.Table, "kubernetes_execution_audit_archive")
}

func TestAReaderCountsRowsAndFindsHoldsInAPartitionThatItMayNotReadByItself(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 3)
	february := complete("february", at(2025, 2, 3))
	february.ActionType = "drain"
	_, err := store.Append(t.Context(), []audit.Record{february})
	must(t, err)
	execute(t, conn, `CREATE TABLE kubernetes_execution_audit_ever PARTITION OF kubernetes_execution_audit
		FOR VALUES FROM ('2030-01-01 00:00:00.5+00') TO (MAXVALUE)`)
	for _, h := range []audit.Hold{
		{Kind: audit.HoldAction, Value: "drain"}, {Kind: audit.HoldID, Value: february.ID}, {Kind: audit.HoldWorkflow, Value: "nobody"},
	} {
		placed(t, store, h)
	}
	everywhere := placed(t, store, audit.Hold{Kind: audit.HoldNamespace, Value: february.TargetNamespace})
	read := open(t, postgres.Config{URL: login(t, address, "", reader)})
	for _, state := range []string{"attached", "detached"} {
		for name, want := range map[string]int64{january2025: 3, "kubernetes_execution_audit_2025_02": 1, "kubernetes_execution_audit_ever": 0} {
			for who, s := range map[string]*postgres.Store{"the reader": read, "the owner": store} {
				n, err := s.Count(t.Context(), name, time.Time{})
				must(t, err)
				equal(t, who+" counts the rows of "+name+", "+state, n, want)
				before, err := s.Count(t.Context(), name, at(2025, 2, 1))
				must(t, err)
				if name != january2025 {
					want = 0
				}
				equal(t, who+" counts those before february of "+name+", "+state, before, want)
				want = n
			}
			owner, err := store.Holding(t.Context(), name)
			must(t, err)
			got, err := read.Holding(t.Context(), name)
			must(t, err)
			if !slices.Equal(got, owner) || name == "kubernetes_execution_audit_2025_02" && len(got) < 2 {
				t.Errorf("holds on %s, %s: the reader finds %v, the owner %v", name, state, got, owner)
			}
		}
		if state == "attached" {
			_, err := store.ReleaseHold(t.Context(), everywhere.ID, "ann")
			must(t, err)
			must(t, store.Detach(t.Context(), january2025))
		}
	}
}
