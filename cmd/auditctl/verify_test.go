package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit"
)

func TestWhatIsNotAsItWasWrittenIsFoundOut(t *testing.T) {
	t.Parallel()
	s := newEstate(t)
	contains(t, "an empty archive", s.refused(t, exitOK, "verify"), "The archive is empty.")
	s.filed(t)
	contains(t, "verify", s.answer(t, "verify", "2025_01"), "2025_01  intact      5")
	contains(t, "a period that is none", s.refused(t, exitNo, "verify", "2024_01"), "the archive has no period 2024_01")
	archived, err := s.store.Archived(t.Context(), "2025_01")
	must(t, err)
	if archived[0].VerifiedAt.IsZero() {
		t.Error("that it is intact was not noted")
	}

	path := s.segment(t)
	whole, err := os.ReadFile(path)
	must(t, err)
	flipped := append([]byte{}, whole...)
	flipped[len(flipped)/2] ^= 1
	must(t, os.WriteFile(path, flipped, 0o600))
	o := s.execute(t, "verify")
	if o.code != exitNo {
		t.Errorf("a flipped bit: %+v", o)
	}
	contains(t, "a flipped bit", o.stdout, "2025_01  altered", "1 fault", "part-00001", "SHA-256")
	contains(t, "stderr", o.stderr, "1 of 1 period not intact")
	if got := lines[audit.Finding](t, s.execute(t, "verify", "-o", "json").stdout); len(got) != 1 || len(got[0].Faults) != 1 {
		t.Errorf("as JSON: %+v", got)
	}
	contains(t, "a restore of it", s.refused(t, exitNo, "restore", "2025_01", "--reason", "x"), "auditctl verify")

	must(t, os.Remove(path))
	contains(t, "a file that is gone", s.execute(t, "verify").stdout, "2025_01  missing", "it is gone")
	must(t, os.RemoveAll(s.dir+"/kubernetes_execution_audit"))
	contains(t, "a period that is gone", s.execute(t, "verify").stdout, "2025_01  missing")
	contains(t, "the list", s.answer(t, "archive", "list"), "only the catalogue")
}

func TestTheArchiveIsVerifiedWithoutADatabase(t *testing.T) {
	t.Parallel()
	s := newEstate(t)
	s.filed(t)
	alone := environment{}
	o := alone.execute(t, "verify", "--bucket-url", "file://"+s.dir)
	if o.code != exitOK {
		t.Errorf("%+v", o)
	}
	contains(t, "stdout", o.stdout, "2025_01  intact")
	contains(t, "stderr", o.stderr, "The catalogue is not asked")
	contains(t, "the list", alone.answer(t, "archive", "list", "--bucket-url", "file://"+s.dir), "the catalogue was not asked")
	contains(t, "no bucket", alone.refused(t, exitFailed, "verify", "--bucket-url", "file:///nowhere/at/all"), "no such file")
}

func TestALoginThatMayOnlyReadVerifiesAndIsToldWhatItMayNot(t *testing.T) {
	t.Parallel()
	s := newEstate(t)
	s.filed(t)
	s.sql(t, `DO $$ BEGIN CREATE ROLE auditctl_auditor LOGIN IN ROLE auditflow_reader; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$`)
	s.variables[variableDatabase] = strings.Replace(s.variables[variableDatabase], "postgres@", "auditctl_auditor@", 1)
	contains(t, "verify", s.refused(t, exitOK, "verify"), "not noted")
	_, err := s.store.PlaceHold(t.Context(), audit.Hold{Kind: audit.HoldPeriod, Start: year2025, End: noon, Reason: "x", PlacedBy: "x"})
	must(t, err)
	for _, args := range []string{"archive list", "hold list", "restore list", "retention log"} {
		s.answer(t, strings.Fields(args)...)
	}
	o := s.execute(t, "partitions", "list", "-o", "json")
	if got := lines[standing](t, o.stdout); len(got) != 2 || numbers(got[0].Holds) != "1" {
		t.Errorf("partitions list: %+v", o)
	}
	contains(t, "the plan", s.answer(t, "retention", "plan"), "kubernetes_execution_audit_2025_01", "held by hold 1")
	contains(t, "the plan of the archive", s.answer(t, "archive", "run", "--dry-run"), "all of its 5 rows are archived")
	contains(t, "a hold", s.refused(t, exitFailed, "hold", "place", "--period", "2025_01", "--reason", "x"), "42501", "auditflow_maintainer")
}

func TestRecordsComeBackFromTheArchiveAndGoAgain(t *testing.T) {
	t.Parallel()
	s := newEstate(t)
	s.filed(t)
	s.forget(t)
	r := s.old[3]
	if x := s.explained(t, exitOK, r.ID); x.State != stateArchived || !x.Row.DigestMatches || len(x.Filed) != 1 || len(x.Filed[0].Segments) != 1 || len(x.Tombstones) != 1 {
		t.Errorf("%+v", x)
	}
	contains(t, "the page", s.answer(t, "explain", r.ID), "archived", "period        2025_01", "part-00001-", "manifest-00001.json", "what the archive has is as it was written", "kubernetes_execution_audit_2025_01, 2026-03-10", "auditctl restore --id "+r.ID)
	contains(t, "a hold", s.answer(t, "hold", "place", "--namespace", "prod-shop", "--reason", "case 5"), "Hold 1")
	contains(t, "what is held", s.answer(t, "explain", r.ID), "hold 1", "namespace prod-shop: case 5")

	contains(t, "the plan", s.answer(t, "restore", "2025_01", "--dry-run"), "2025_01     5", "up to 5 rows would be restored")
	contains(t, "the plan for one", s.answer(t, "restore", "--id", r.ID, "--dry-run"), "one record is looked for among 5 rows")
	contains(t, "one", s.answer(t, "restore", "--id", r.ID, "--reason", "a question", "--keep", "2d"), "Restore 1", "rows          1", "2026-03-12 12:00:00")
	if x := s.explained(t, exitOK, r.ID); x.State != stateRestored || len(x.Holds) != 1 {
		t.Errorf("%+v", x)
	}
	var restored audit.Restore
	must(t, json.Unmarshal([]byte(s.answer(t, "restore", "--from", "2025-01-15", "--to", "2025-01-16", "--reason", "all", "-o", "json")), &restored))
	if restored.Rows != 5 || restored.ID != 2 {
		t.Errorf("%+v", restored)
	}
	if got := lines[audit.Restore](t, s.answer(t, "restore", "list", "-o", "json")); len(got) != 2 || got[1].Record != r.ID {
		t.Errorf("%+v", got)
	}
	contains(t, "nothing has passed", s.refused(t, exitOK, "restore", "expire", "--dry-run"), "Nothing has passed its time.")
	s.sql(t, `UPDATE auditflow_restore SET expires_at = '2026-03-01'`)
	contains(t, "what has passed", s.answer(t, "restore", "expire", "--dry-run"), "2 restores")
	contains(t, "expire", s.answer(t, "restore", "expire"), "5 rows taken away")
	contains(t, "of no time", s.refused(t, exitNo, "restore", "2024_01", "--reason", "x"), "the archive has nothing of it")
	contains(t, "nobody", s.refused(t, exitNo, "restore", "--id", audit.ID("prod-eu", "nobody"), "--reason", "x"), "no record with the id")
}

func TestWithoutABucketItIsSaidWhereARecordMayBe(t *testing.T) {
	t.Parallel()
	s := newEstate(t)
	s.filed(t)
	s.forget(t)
	delete(s.variables, variableBucket)
	r := s.old[0]
	x := s.explained(t, exitNo, r.ID)
	if x.State != stateUnknown || x.Archive != notAsked {
		t.Errorf("%+v", x)
	}
	contains(t, "the page", s.execute(t, "explain", r.ID).stdout, "the archive was not asked", "--bucket-url")
	if x := s.explained(t, exitNo, audit.ID("prod-eu", "nobody"), "--bucket-url", "file://"+s.dir); x.State != stateUnknown || x.Archive != answered {
		t.Errorf("nobody: %+v", x)
	}
	if x := s.explained(t, exitFailed, r.ID, "--bucket-url", "file:///nowhere/at/all"); x.Archive != unreachable {
		t.Errorf("a bucket that is not there: %+v", x)
	}
	text, err := os.ReadFile(s.segment(t))
	must(t, err)
	text[len(text)/4] ^= 1 // in the middle of the rows
	must(t, os.WriteFile(s.segment(t), text, 0o600))
	if x := s.explained(t, exitNo, r.ID, "--bucket-url", "file://"+s.dir); x.State != stateUnknown {
		t.Errorf("altered: %+v", x)
	}
}
