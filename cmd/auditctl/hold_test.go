package main

import (
	"os"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

func TestHoldsArePlacedListedAndReleasedOneByOne(t *testing.T) {
	t.Parallel()
	s := newEstate(t)
	s.filed(t)
	contains(t, "no hold", s.refused(t, exitOK, "hold", "list"), "Nothing is held.")
	const january = "kubernetes_execution_audit_2025_01"
	place := func(args ...string) string {
		return s.answer(t, append([]string{"hold", "place", "--reason", "case 1", "--by", "J. Doe"}, args...)...)
	}
	contains(t, "a period", place("--period", "2025_01"), "Hold 1", "2025-01-01..2025-02-01", "J. Doe", january, "archive")
	contains(t, "a stretch", place("--from", "2025-01-31", "--to", "2025-02-01T00:00:00Z"), "Hold 2", january)
	contains(t, "a time of which there is nothing", place("--period", "2024-01"), "no partition of the database", "no period in the archive")
	text := place("--id", strings.ToUpper(s.old[0].ID))
	contains(t, "a record", text, "Hold 4", s.old[0].ID, january, "known only by reading")
	contains(t, "a namespace", place("--namespace", "prod-shop"), january)
	contains(t, "a workflow that is none", place("--workflow-ref", "nobody"), "no partition of the database")

	held := lines[standing](t, s.answer(t, "partitions", "list", "-o", "json"))
	if got := numbers(held[0].Holds); held[0].Name != january || got != "1, 2, 4, 5" || held[0].Archived != 5 || held[0].Manifests != 1 {
		t.Errorf("%+v", held[0])
	}
	contains(t, "released", s.answer(t, "hold", "release", "1", "2", "--reason", "closed", "--by", "R. Roe"), "R. Roe: closed", january+" (4, 5)")
	last := lines[released](t, s.answer(t, "hold", "release", "4", "5", "-o", "json"))
	if len(last[0].Free) != 0 || len(last[1].Held) != 0 || len(last[1].Free) != 2 || last[1].Free[0] != january {
		t.Errorf("the last: %+v", last)
	}
	contains(t, "no such hold", s.refused(t, exitNo, "hold", "release", "99"), "there is no such hold")
	if got := lines[audit.Hold](t, s.answer(t, "hold", "list", "-o", "json")); len(got) != 2 {
		t.Errorf("%d still hold", len(got))
	}
	all := lines[audit.Hold](t, s.answer(t, "hold", "list", "--all", "-o", "json"))
	if len(all) != 6 || all[0].ReleasedBy != "R. Roe: closed" || all[0].PlacedBy != "J. Doe" {
		t.Errorf("%+v", all)
	}
}

func TestAHoldSaysWhatItHoldsInExactlyOneWay(t *testing.T) {
	t.Parallel()
	e := environment{variables: map[string]string{variableDatabase: "postgres://x@127.0.0.1:1/x"}}
	for args, told := range map[string]string{
		"hold place --reason x":                                       "at least one",
		"hold place --period 2025_01":                                 "reason: is required",
		"hold place --reason x --period 2025_13":                      "want the name of a period",
		"hold place --reason x --period w2025_01_28":                  "by its Monday",
		"hold place --reason x --period 2025_01 --namespace a":        "none of the others",
		"hold place --reason x --from 2025-01-01":                     "must all be set",
		"hold place --reason x --from 2025-02-01 --to 2025-01-01":     "its start must lie before its end",
		"hold place --reason x --workflow-ref=":                       "--workflow-ref: is empty",
		"hold place --reason x --namespace=":                          "--namespace: is empty",
		"hold place --reason= --period 2025_01":                       "--reason: is empty",
		"hold place --reason x --id 42":                               "must be a UUID",
		"hold release x":                                              "not the number of a hold",
		"hold release":                                                "requires at least 1 arg",
		"restore":                                                     "say what to restore",
		"restore 2025_01 --bucket-url file:///x":                      "--reason is required",
		"restore 2025_01 --period 2025_02 --reason x":                 "in one way",
		"restore --id x --reason x":                                   "is not the id of a record",
		"restore x --reason x":                                        "want the name of a period",
		"restore 2025_01 --reason x":                                  "the bucket of the archive is required",
		"restore 2025_01 --reason x --keep 0d --bucket-url file:///x": "It cannot be for ever",
		"verify --bucket-url http://x":                                "want file, s3, gs or azblob",
		"verify":                                                      "--bucket-url",
		"partitions create --ahead 0":                                 "want 1 to 100",
	} {
		contains(t, args, e.refused(t, exitUsage, strings.Fields(args)...), told)
	}
}

func TestARetentionComesIntoForceWhenSomebodySaysYes(t *testing.T) {
	t.Parallel()
	s := newEstate(t)
	contains(t, "nothing said", s.refused(t, exitUsage, "retention", "confirm", "--yes"), "which retention?", "--config")
	contains(t, "too short", s.refused(t, exitUsage, "retention", "confirm", "--after", "1h", "--yes"), "retention.after: 1h0m0s is less than")
	contains(t, "nobody to ask", s.refused(t, exitUsage, "retention", "confirm", "--after", "400d"), "--yes")
	contains(t, "the first", s.answer(t, "retention", "confirm", "--after", "400d", "--yes", "--by", "J. Doe"), "old", "none", "partitions after 400d", "J. Doe")
	contains(t, "again", s.answer(t, "retention", "confirm", "--after", "400d", "--yes"), "is in force already", "J. Doe")

	config := t.TempDir() + "/worker.yaml"
	must(t, os.WriteFile(config, []byte("maintenance: {retention: {after: 100d}}\n"), 0o600))
	stderr := s.refused(t, exitNo, "retention", "plan", "--config", config)
	contains(t, "the plan of what is refused", stderr, "deletes sooner", "auditctl retention confirm")

	asked := s.environment
	asked.person, asked.input = true, "n\n"
	contains(t, "no", asked.refused(t, exitNo, "retention", "confirm", "--config", config), "In force: partitions after 400d", "New:      partitions after 100d", "nothing was changed")
	asked.input = "yes\n"
	contains(t, "yes", asked.answer(t, "retention", "confirm", "--config", config), "deletes sooner than before")
	r, err := s.store.ConfirmedRetention(t.Context())
	must(t, err)
	if lifecycle.Age(r.Live).String() != "100d" || r.ConfirmedBy == "" {
		t.Errorf("in force: %+v", r)
	}
	contains(t, "the plan then", s.answer(t, "retention", "plan", "--config", config), "is not archived yet", "2 kept")
}

func TestPeriodsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for _, i := range []audit.Interval{audit.Monthly, audit.Weekly, audit.Daily} {
		want := audit.PeriodOf(i, year2025)
		if got, ok := parsePeriod(want.Suffix()); !ok || got != want {
			t.Errorf("%s: got %+v", want.Suffix(), got)
		}
	}
	piece := audit.PeriodBetween(year2025.Truncate(24*60*60*1e9), year2025.Truncate(24*60*60*1e9).AddDate(0, 0, 3))
	if got, ok := parsePeriod(piece.Suffix()); !ok || got != piece {
		t.Errorf("%s: got %+v", piece.Suffix(), got)
	}
	for _, name := range []string{"", "2025", "2025_00", "w2025_01_28", "2025_01_05_to_2025_01_05", "2025_01_05_to_", "x"} {
		if got, ok := parsePeriod(name); ok {
			t.Errorf("%q: got %+v", name, got)
		}
	}
}
