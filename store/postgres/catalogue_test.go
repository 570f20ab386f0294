package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// manifest is the nth of a month, with a digest of its own and its predecessor's.
func manifest(month time.Time, n int) audit.Archived {
	p := audit.PeriodOf(audit.Monthly, month)
	digest := func(n int) string { return fmt.Sprintf("%062x%02x", int(p.Start.Month()), n) }
	key := audit.Key{CreatedAt: p.Start.Add(time.Microsecond), ID: audit.ID("test", "x")}
	m := audit.Archived{
		Manifest: audit.Manifest{
			Format: audit.ManifestFormat, Table: "kubernetes_execution_audit", Period: p.Suffix(), Start: p.Start, End: p.End,
			Number: n, Schema: 6, Rows: 7, Bytes: 1 << 40, Digest: digest(99), First: key, Last: key, Policies: []string{"p-1"},
			Segments:   []audit.Segment{{Object: "part-00001", Rows: 7, Bytes: 1 << 40, SHA256: digest(98), Digest: digest(99), First: key, Last: key}},
			ArchivedAt: at(2025, 6, 1), ArchivedBy: "audit-archive/run",
		},
		SHA256: digest(n), Object: fmt.Sprintf("period=%s/manifest-%05d.json", p.Suffix(), n),
	}
	if n > 1 {
		m.Previous = digest(n - 1)
	}
	return m
}

func archived(t testing.TB, store *postgres.Store, period string) []audit.Archived {
	t.Helper()
	list, err := store.Archived(t.Context(), period)
	must(t, err)
	return list
}

func TestManifestsComeOutOfTheCatalogueAsTheyWentIn(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)})
	february := january.AddDate(0, 1, 0)
	want := []audit.Archived{manifest(january, 1), manifest(january, 2), manifest(february, 1)}
	for _, i := range []int{2, 0, 1, 0, 2} { // in any order of periods; again is no error
		must(t, store.NoteArchived(t.Context(), want[i]))
	}
	equal(t, "all", fmt.Sprint(archived(t, store, "")), fmt.Sprint(want))
	equal(t, "of a period", fmt.Sprint(archived(t, store, "2025_02")), fmt.Sprint(want[2:]))
	equal(t, "of no period", len(archived(t, store, "2025_03")), 0)

	for _, verified := range []time.Time{at(2025, 7, 2), at(2025, 7, 1)} { // the later one stays
		must(t, store.NoteVerified(t.Context(), "2025_01", verified))
	}
	want[0].VerifiedAt, want[1].VerifiedAt = at(2025, 7, 2), at(2025, 7, 2)
	equal(t, "after a verification", fmt.Sprint(archived(t, store, "")), fmt.Sprint(want))

	version, err := store.SchemaVersion(t.Context())
	must(t, err)
	schema, err := store.Schema(t.Context())
	must(t, err)
	equal(t, "schema version", version, schema.Release)
}

func TestAManifestThatContradictsTheCatalogueIsRefused(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)})
	must(t, store.NoteArchived(t.Context(), manifest(january, 1)))
	for because, alter := range map[string]func(*audit.Archived){
		"the catalogue has another manifest 1":     func(m *audit.Archived) { m.SHA256 = strings.Repeat("00", 32) },
		"its predecessor is not manifest 1":        func(m *audit.Archived) { m.Number, m.Previous = 2, strings.Repeat("00", 32) },
		"manifest_sha256: is required":             func(m *audit.Archived) { m.SHA256 = "" },
		"manifest_sha256: must be a SHA-256":       func(m *audit.Archived) { m.SHA256 = "x" },
		"number: must be 1 or more":                func(m *audit.Archived) { m.Number = 0 },
		"period: is not that of its start and end": func(m *audit.Archived) { m.Period = "2025_02" },
		"manifest_object: is required":             func(m *audit.Archived) { m.Object = "" },
	} {
		m := manifest(january, 1)
		alter(&m)
		refused(t, store.NoteArchived(t.Context(), m), because)
	}
	equal(t, "catalogue", fmt.Sprint(archived(t, store, "")), fmt.Sprint([]audit.Archived{manifest(january, 1)}))
}

// Rows that come after their period was deleted from the archive, too, are
// archived again: its manifests begin at 1.
func TestAPeriodThatWasDeletedFromTheArchiveMayBeginAnew(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	must(t, store.NoteArchived(t.Context(), manifest(january, 1)))
	must(t, store.NoteArchived(t.Context(), manifest(january, 2)))
	must(t, store.NoteVerified(t.Context(), "2025_01", at(2025, 7, 1)))
	refused(t, store.NoteDeleted(t.Context(), "2025_01"), "it has no tombstone")
	equal(t, "manifests", len(archived(t, store, "2025_01")), 2)

	buried := grave("run")
	buried.What, buried.Name, buried.Start, buried.End = audit.DeletedArchive, "2025_01", at(2025, 1, 1), at(2025, 2, 1)
	must(t, store.WriteTombstone(t.Context(), buried))
	equal(t, "manifests before they are gone", len(archived(t, store, "2025_01")), 2)
	for range 2 {
		must(t, store.NoteDeleted(t.Context(), "2025_01"))
		equal(t, "manifests", len(archived(t, store, "2025_01")), 0)
	}
	again := manifest(january, 1)
	again.SHA256 = strings.Repeat("cd", 32)
	must(t, store.NoteArchived(t.Context(), again))
	equal(t, "manifests", fmt.Sprint(archived(t, store, "")), fmt.Sprint([]audit.Archived{again}))
	equal(t, "manifests that are remembered", count(t, conn, "auditflow_manifest"), 3)
}

func TestWhatIsToBeRememberedIsOnlyAdded(t *testing.T) {
	t.Parallel()
	address := database(t)
	conn := connect(t, login(t, address, "", maintainer))
	for _, table := range []string{"auditflow_manifest", "auditflow_archive_deleted", "auditflow_tombstone", "auditflow_retention"} {
		column := column[string](t, conn, `SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attnum = 2`, table)[0]
		for _, statement := range []string{"DELETE FROM " + table, "TRUNCATE " + table, "UPDATE " + table + " SET " + column + " = NULL WHERE false"} {
			_, err := conn.Exec(t.Context(), statement)
			equal(t, statement, code(err), "42501")
		}
	}
}
