package postgres_test

import (
	"fmt"
	"testing"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

func TestATombstoneOfTheArchiveIsWrittenOnce(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)})
	var want []audit.Tombstone
	for month := range 2 {
		g := grave("run")
		p := audit.PeriodOf(audit.Monthly, january.AddDate(0, month, 0))
		g.What, g.Name, g.Start, g.End, g.Rows, g.Bytes = audit.DeletedArchive, p.Suffix(), p.Start, p.End, 7, 1<<40
		must(t, store.WriteTombstone(t.Context(), g))
		again := g
		again.RunID, again.DeletedAt = "another", at(2025, 7, 1)
		must(t, store.WriteTombstone(t.Context(), again))
		want = append([]audit.Tombstone{g}, want...) // the newest first
	}
	list := func(limit int) string {
		got, err := store.Tombstones(t.Context(), limit)
		must(t, err)
		for i := range got {
			got[i].ID = 0
		}
		return fmt.Sprint(got)
	}
	equal(t, "all", list(0), fmt.Sprint(want))
	equal(t, "the newest", list(1), fmt.Sprint(want[:1]))

	// A manifest that is not known is no reason to write it twice either.
	unknown := grave("run")
	unknown.What, unknown.Name, unknown.Manifest = audit.DeletedArchive, "2025_03", ""
	for range 2 {
		must(t, store.WriteTombstone(t.Context(), unknown))
	}
	got, err := store.Tombstones(t.Context(), 0)
	must(t, err)
	equal(t, "tombstones", len(got), 3)
}

func TestATombstoneWithoutADeletionIsRefused(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)})
	for _, what := range []audit.Deletion{"", audit.DeletedPartition, audit.DeletedRows} {
		g := grave("run")
		g.What = what
		refused(t, store.WriteTombstone(t.Context(), g), "what: want archive")
	}
	g := grave("run")
	g.What, g.Manifest = audit.DeletedArchive, "x"
	refused(t, store.WriteTombstone(t.Context(), g), "manifest_sha256: must be a SHA-256")
}
