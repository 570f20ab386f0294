package main

import (
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/workflows"
)

// listed shows a list in every form.
func listed[T any](t *testing.T, name string, of func(*program) sheet[T], rows ...T) {
	t.Helper()
	inEveryForm(t, name, func(p *program) error {
		_, err := list(p.out, of(p), all(rows))
		return err
	})
}

func month(year int, m time.Month) audit.Period {
	return audit.PeriodOf(audit.Monthly, time.Date(year, m, 1, 0, 0, 0, 0, time.UTC))
}

func TestPartitionsAreToldWithWhatIsKnownOfThem(t *testing.T) {
	t.Parallel()
	rows := int64(9_876_543)
	at := func(p audit.Period, state audit.PartitionState) standing {
		return standing{
			Partition: audit.Partition{Name: "kubernetes_execution_audit_" + p.Suffix(), Period: p, Rows: -1, Bytes: 3 << 30, State: state},
			From:      p.Start, To: p.End,
		}
	}
	first, second, third := at(month(2025, 1), audit.PartitionAttached), at(month(2025, 2), audit.PartitionDetached), at(month(2026, 3), audit.PartitionAttached)
	first.Rows, first.Tablespace, first.Manifests, first.Archived, first.Holds = &rows, "cold", 2, 9_876_000, []int64{3, 7}
	first.archivedAs = []string{"2025_01", "w2025_01_27"}
	all := []standing{first, second, third}
	listed(t, "partitions", func(*program) sheet[standing] { return standingSheet(all, noon) }, all...)
	listed(t, "partitions-create", func(*program) sheet[missing] { return missingSheet() }, missing{"2026_04", month(2026, 4).Start, month(2026, 4).End})
	listed(t, "partitions-tier", func(*program) sheet[lifecycle.Move] { return moveSheet() },
		lifecycle.Move{Partition: "kubernetes_execution_audit_2025_01", Tablespace: "cold", Why: "ended 402d ago, cold after 30d"})
}

func TestTheArchiveIsToldPeriodByPeriod(t *testing.T) {
	t.Parallel()
	listed(t, "archive", func(p *program) sheet[stock] { return filedSheet(p.out.zone) },
		stock{
			Period: "2025_01", From: month(2025, 1).Start, To: month(2025, 1).End, Rows: 10_000_000, Bytes: 2 << 30, Segments: 40, Manifests: 2,
			ArchivedAt: noon, VerifiedAt: noon.Add(time.Hour), KnownTo: knownToBoth,
		},
		stock{Period: "2025_02", From: month(2025, 2).Start, To: month(2025, 2).End, Rows: 3, Bytes: 900, Segments: 1, Manifests: 1, ArchivedAt: noon, KnownTo: knownToCatalogue},
		stock{Period: "2025_03", From: month(2025, 3).Start, To: month(2025, 3).End, KnownTo: knownToBucket})
	listed(t, "archive-run", func(*program) sheet[lifecycle.Step] { return stepSheet() },
		lifecycle.Step{Partition: "kubernetes_execution_audit_2025_01", Period: "2025_01", Start: month(2025, 1).Start, End: month(2025, 1).End, Due: true, Why: "ended 402d ago and is not archived"},
		lifecycle.Step{Partition: "kubernetes_execution_audit_2026_03", Period: "2026_03", Start: month(2026, 3).Start, End: month(2026, 3).End, Why: "is archived from 2026-06-30 on, 90d after its end"})
	inEveryForm(t, "verify", func(p *program) error {
		findings := []audit.Finding{
			{Period: "2025_01", Verdict: audit.Intact, Rows: 10_000_000, Bytes: 2 << 30, At: noon},
			{
				Period: "2025_02", Verdict: audit.Altered, Rows: 3, Bytes: 900, At: noon,
				Faults:   []string{"part-00001-0123456789abcdef.parquet: its SHA-256 is not 01…", "manifest-00002.json: it is gone"},
				Unlisted: []string{"part-00003-0123456789abcdef.parquet"},
			},
		}
		var lines []examined
		for _, f := range findings {
			lines = append(lines, examined{Finding: f})
			for _, fault := range f.Faults {
				if p.out.forPeople() {
					lines = append(lines, examined{fault: fault})
				}
			}
		}
		_, err := list(p.out, findingSheet(), all(lines))
		return err
	})
	inEveryForm(t, "reported", func(p *program) error {
		return p.reported(workflows.Report{Summary: "1 failed; 5 rows archived", Periods: []workflows.Outcome{
			{Period: "2025_01", Done: "archived 5 rows, 10757 bytes, manifest 1"},
			{Period: "2025_02", Kept: "is held by hold 3"},
			{Period: "2025_03", Failed: "export: the content of 1 rows does not have its digest"},
		}})
	})
}

func TestHoldsAndRestoresAreToldWithTheirReasons(t *testing.T) {
	t.Parallel()
	holds := []audit.Hold{
		{ID: 3, Kind: audit.HoldPeriod, Start: month(2025, 1).Start, End: month(2025, 1).End, Reason: "audit of the year 2025", PlacedBy: "J. Doe", PlacedAt: noon},
		{ID: 7, Kind: audit.HoldNamespace, Value: "prod-shop", Reason: "=case\x1b[2J", PlacedBy: "ops@desk", PlacedAt: noon, ReleasedBy: "R. Roe: closed", ReleasedAt: noon.Add(time.Hour)},
	}
	listed(t, "hold-list", func(p *program) sheet[audit.Hold] { return holdSheet(p.out.zone, true) }, holds...)
	listed(t, "hold-release", func(*program) sheet[released] { return releasedSheet() },
		released{holds[1], []string{"kubernetes_execution_audit_2025_02"}, []string{"kubernetes_execution_audit_2025_01 (3)"}})
	inTables(t, "hold-place", func(p *program) error {
		done := placed{holds[0], []string{"kubernetes_execution_audit_2025_01"}, []string{"2025_01"}}
		return p.single(done, func(page *page) { done.tell(page) })
	})
	restore := audit.Restore{
		ID: 4, Start: month(2025, 1).Start, End: month(2025, 1).End, Rows: 10_000_000, Reason: "incident 811", RestoredBy: "J. Doe",
		RestoredAt: noon, ExpiresAt: noon.AddDate(0, 0, 30),
	}
	listed(t, "restore-list", func(p *program) sheet[audit.Restore] { return restoreSheet(p.out.zone) }, restore)
	inTables(t, "restore", func(p *program) error { return p.restored(restore) })
	inEveryForm(t, "restore-plan", func(p *program) error {
		return p.restorePlan([]portion{{"2025_01", 10_000_000, 2 << 30, 40}, {"2025_02", 3, 900, 1}}, wish{})
	})
}

func TestRetentionSaysWhatAndWhy(t *testing.T) {
	t.Parallel()
	listed(t, "retention-plan", func(*program) sheet[fate] { return fateSheet() },
		fate{inDatabase, "kubernetes_execution_audit_2025_01", lifecycle.Drop, "its youngest row can be no younger than 402d, and 90d is kept", month(2025, 1).Start, month(2025, 1).End, time.Time{}},
		fate{inDatabase, "kubernetes_execution_audit_2026_03", lifecycle.DeleteRows, "has rows older than 90d", month(2026, 3).Start, month(2026, 3).End, noon},
		fate{inArchive, "2024_12", lifecycle.Keep, "is held by hold 3", month(2024, 12).Start, month(2024, 12).End, time.Time{}})
	listed(t, "retention-log", func(p *program) sheet[audit.Tombstone] { return tombstoneSheet(p.out.zone) },
		audit.Tombstone{
			ID: 9, What: audit.DeletedPartition, Name: "kubernetes_execution_audit_2025_01", Start: month(2025, 1).Start, End: month(2025, 1).End, Rows: 10_000_000,
			Bytes: 15 << 30, Why: "its youngest row can be no younger than 402d, and 90d is kept", Policy: "partitions after 90d, the archive for ever",
			Manifest: "0123abcd", WorkflowID: "audit-retention-2026-03-10", RunID: "r1", DeletedAt: noon,
		})
	old, short := audit.Retention{Mode: audit.RetainPartitions, Live: 400 * day, ConfirmedBy: "J. Doe", ConfirmedAt: noon}, audit.Retention{Mode: audit.RetainRows, Live: 100 * day, Archive: 3660 * day, ConfirmedBy: "R. Roe"}
	inTables(t, "retention-confirm", func(p *program) error {
		words := inWords(old)
		c := confirmed{Old: &words, New: inWords(short), Shorter: true, Changed: true}
		return p.single(c, func(page *page) { c.tell(page, old, short) })
	})
}

func TestExplanationsTellWhatIsInTheArchive(t *testing.T) {
	t.Parallel()
	archived := explanation{Asked: "b"}
	archived.place(row{Record: hostile("b", 70), PersistedAt: noon})
	archived.State, archived.Archive, archived.Temporal = stateArchived, answered, notAsked
	archived.Filed = []filing{{"s3://audit", "2026_03", "kubernetes_execution_audit/period=2026_03/manifest-00001.json", noon, []string{"kubernetes_execution_audit/period=2026_03/part-00001-0123456789abcdef.parquet"}}}
	archived.Tombstones = []audit.Tombstone{{What: audit.DeletedPartition, Name: "kubernetes_execution_audit_2026_03", DeletedAt: noon, Why: "90d is kept"}}
	archived.Holds = []audit.Hold{{ID: 3, Kind: audit.HoldNamespace, Value: "prod-shop", Reason: "case 5"}}
	maybe := explanation{Asked: "b", State: stateGone, Archive: notAsked, Temporal: answered, Filed: archived.Filed, Tombstones: archived.Tombstones}
	for name, e := range map[string]explanation{"explain-archived": archived, "explain-maybe-archived": maybe} {
		e.Database = answered
		for format, env := range map[string]environment{formatTable: {}, formatJSON: {}} {
			golden(t, name+"."+format, rendered(t, env, format, func(p *program) error {
				return p.single(e, func(page *page) { e.tell(page) })
			}))
		}
	}
}

func TestProgressTellsRowsAndBytesPerSecond(t *testing.T) {
	t.Parallel()
	b := &progress{what: "2025_01", rows0: 10_000_000, bytes0: 2 << 30}
	if got, want := b.line(2_500_000, 10*time.Second), "2025_01  2,500,000 of 10,000,000 rows, 25%, 250,000 rows/s, 51.2Mi/s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	b = &progress{what: "2025_01"}
	if got, want := b.line(5, time.Second), "2025_01  5 rows, 5 rows/s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
