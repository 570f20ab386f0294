package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// trail is a set of records of every kind, the latest first.
func trail() (records []audit.Record) {
	for i := range 40 {
		uid := fmt.Sprint("uid-", i)
		switch i % 4 {
		case 1:
			records = append(records, hostile(uid, 10*i))
		case 2:
			records = append(records, bare(uid, 10*i))
		default:
			records = append(records, succeeded(uid, 10*i))
		}
	}
	return records
}

// trailDatabase has the rows of a trail.
func trailDatabase(t *testing.T) (environment, []audit.Record) {
	t.Helper()
	e, store := database(t)
	records := trail()
	_, err := store.Append(t.Context(), records)
	must(t, err)
	return e, records
}

// answer is the stdout of a command that must be fine.
func (e environment) answer(t *testing.T, args ...string) string {
	t.Helper()
	o := e.execute(t, args...)
	if o.code != exitOK {
		t.Fatalf("auditctl %s: exit code %d: %s", strings.Join(args, " "), o.code, o.stderr)
	}
	return o.stdout
}

func (e environment) sql(t *testing.T, statement string, arguments ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), e.variables[variableDatabase])
	must(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), statement, arguments...)
	must(t, err)
}

// same compares what a command answered in JSON with the records it should have
// told of.
func same(t *testing.T, what, answer string, want []audit.Record) {
	t.Helper()
	got := lines[row](t, answer)
	if len(got) != len(want) {
		t.Errorf("%s: %d rows, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if !reflect.DeepEqual(got[i].Record, want[i]) {
			t.Errorf("%s: row %d: got\n%+v, want\n%+v", what, i, got[i].Record, want[i])
		}
		if got[i].PersistedAt.IsZero() || got[i].Table != "kubernetes_execution_audit_2026_03" {
			t.Errorf("%s: row %d: persisted at %s in %s", what, i, got[i].PersistedAt, got[i].Table)
		}
	}
}

func only(records []audit.Record, keep func(audit.Record) bool) (kept []audit.Record) {
	for _, r := range records {
		if keep(r) {
			kept = append(kept, r)
		}
	}
	return kept
}

func TestFindTellsWhatWasStored(t *testing.T) {
	t.Parallel()
	e, records := trailDatabase(t)
	for args, keep := range map[string]func(audit.Record) bool{
		"":                        func(audit.Record) bool { return true },
		"--failed":                func(r audit.Record) bool { return !r.Success },
		"--success":               func(r audit.Record) bool { return r.Success },
		"--action drain-node":     func(r audit.Record) bool { return r.ActionType == "drain-node" },
		"--namespace prod-*":      func(r audit.Record) bool { return r.TargetNamespace == "prod-shop" },
		"--namespace pr?d-shop":   func(r audit.Record) bool { return r.TargetNamespace == "prod-shop" },
		"--since 1h":              func(r audit.Record) bool { return !r.CreatedAt.Before(noon.Add(-time.Hour)) },
		"--range ..2026-03-10":    func(r audit.Record) bool { return r.CreatedAt.Before(utc(2026, 3, 10, 0)) },
		"--min-duration 1m":       func(r audit.Record) bool { return r.Duration != nil && *r.Duration >= time.Minute },
		"--min-retries 1":         func(r audit.Record) bool { return r.RetryCount > 0 },
		"--phase Executing":       func(r audit.Record) bool { return r.Phase == "Executing" },
		"--execution execution-c": func(audit.Record) bool { return false },
		"--kind Deployment --name cart --cluster prod-eu --workflow alert-1": func(r audit.Record) bool { return r.TargetResourceName == "cart" },
	} {
		want := only(records, keep)
		same(t, "find "+args, e.answer(t, strings.Fields("find -o json "+args)...), want)
		slices.Reverse(want)
		same(t, "find --oldest-first "+args, e.answer(t, strings.Fields("find -o json --oldest-first "+args)...), want)
	}
}

var cursorTold = regexp.MustCompile(`--after (\S+)\n`)

func TestPagesFollowEachOtherByTheCursorThatIsTold(t *testing.T) {
	t.Parallel()
	e, records := trailDatabase(t)
	var seen []audit.Record
	args := []string{"find", "-o", "json", "--limit", "7"}
	for page := 0; ; page++ {
		o := e.execute(t, args...)
		for _, r := range lines[row](t, o.stdout) {
			seen = append(seen, r.Record)
		}
		told := cursorTold.FindStringSubmatch(o.stderr)
		if told == nil {
			if page != 5 || o.code != exitOK || o.stderr != "" {
				t.Errorf("page %d, exit code %d, %q", page, o.code, o.stderr)
			}
			break
		}
		args = append(args[:5:5], "--after", told[1])
	}
	if !reflect.DeepEqual(seen, records) {
		t.Errorf("%d rows on all pages, want %d, each once", len(seen), len(records))
	}
	if o := e.execute(t, "find", "--limit", "40"); o.stderr != "" {
		t.Errorf("the last page tells of another: %q", o.stderr)
	}
}

func TestEveryFormatTellsOfEveryRow(t *testing.T) {
	t.Parallel()
	e, records := trailDatabase(t)
	table, err := csv.NewReader(strings.NewReader(e.answer(t, "find", "-o", "csv", "--limit", "0"))).ReadAll()
	must(t, err)
	if len(table) != 1+len(records) || table[40][0] != records[39].ID {
		t.Errorf("%d lines of CSV", len(table))
	}
	for _, format := range []string{"table", "wide"} {
		text := e.answer(t, "find", "-o", format)
		for _, r := range records {
			contains(t, format, text, r.ID)
		}
		contains(t, format, text, "40 executions: 20 succeeded, 20 did not")
	}
	contains(t, "a table in another time zone", e.answer(t, "find", "--limit", "1", "--time-zone", "Europe/Berlin"), "CREATED (Europe/Berlin)", "2026-03-10 13:00:00")
	o := e.execute(t, "find", "--action", "nothing")
	if o.code != exitOK || o.stdout != "" || o.stderr != "No execution matches.\n" {
		t.Errorf("nothing found: %+v", o)
	}
}

func TestReportsAnswerTheQuestionsOfAuditors(t *testing.T) {
	t.Parallel()
	e, records := trailDatabase(t)
	json := func(args ...string) string {
		return e.answer(t, append([]string{"report", "-o", "json"}, args...)...)
	}
	ofWorkflow := only(records, func(r audit.Record) bool { return r.WorkflowRef == "alert-1" })
	slices.Reverse(ofWorkflow) // by step, then from the first on
	same(t, "workflow", json("workflow", "alert-1"), ofWorkflow)

	failed := only(records, func(r audit.Record) bool { return !r.Success && !r.CompletedAt.IsZero() })
	same(t, "failures", json("failures"), failed)
	same(t, "failures --limit 3", json("failures", "--limit", "3"), failed[:3])

	slow := json("slow", "--over", "1m", "--since", "7d")
	if got := lines[row](t, slow); len(got) != 20 || *got[0].Duration != 90*time.Second {
		t.Errorf("slow: %d rows", len(got))
	}
	if got := json("slow", "--over", "90s"); got != "" {
		t.Errorf("slow --over is exclusive, got %s", got)
	}
	inProduction := only(records, func(r audit.Record) bool { return r.TargetNamespace == "prod-shop" })
	same(t, "trail", json("trail", "prod-*"), inProduction)
	same(t, "trail of another time", json("trail", "prod-*", "--range", "2026-01-01..2026-02-01"), nil)

	durations := lines[postgres.ActionDurations](t, json("durations"))
	if len(durations) != 1 || durations[0].Total != 20 || durations[0].P95 != 90*time.Second {
		t.Errorf("durations: %+v", durations)
	}
	if got := lines[postgres.ActionDurations](t, json("durations", "--all")); len(got) != 3 {
		t.Errorf("durations --all: %+v", got)
	}
	retries := lines[postgres.RetryPattern](t, json("retries"))
	if want := []postgres.RetryPattern{{Action: `run, "quoted"`, Namespace: "prod-shop", Total: 10, AvgRetries: 2}}; !reflect.DeepEqual(retries, want) {
		t.Errorf("retries: got %+v, want %+v", retries, want)
	}
	resources := lines[postgres.ActionResources](t, json("resources"))
	if want := []postgres.ActionResources{{Action: "scale-deployment", AvgCPU: 250, AvgMemory: 256 << 20, Total: 20}}; !reflect.DeepEqual(resources, want) {
		t.Errorf("resources: got %+v, want %+v", resources, want)
	}
	o := e.execute(t, "report", "failures", "--limit", "3")
	contains(t, "a report that was cut", o.stderr, "There are more: --limit")
	if o := e.execute(t, "report", "failures", "--limit", "10"); o.stderr != "" {
		t.Errorf("a report that was not cut: %q", o.stderr)
	}
}

func TestShowTellsAllOfARecord(t *testing.T) {
	t.Parallel()
	e, records := trailDatabase(t)
	for _, want := range records[:3] {
		var got row
		must(t, json.Unmarshal([]byte(e.answer(t, "show", strings.ToUpper(want.ID), "-o", "json")), &got))
		if got.Record = got.Normalise(); !reflect.DeepEqual(got.Record, want) { // parameters are indented, too
			t.Errorf("got %+v, want %+v", got.Record, want)
		}
	}
	contains(t, "the page", e.answer(t, "show", records[1].ID), `\x1b[2J\x1b]0;title\x07gone\r`, "OOMKilled", "aws-access-token, 2 times")
	o := e.execute(t, "show", audit.ID("prod-eu", "nobody"))
	if o.code != exitNo || o.stdout != "" {
		t.Errorf("a record that is not there: %+v", o)
	}
	contains(t, "stderr", o.stderr, "no record has the id", "auditctl explain")
	if o := e.execute(t, "show", "execution-c"); o.code != exitUsage {
		t.Errorf("what is no id: %+v", o)
	}
}

func TestMigrateBringsADatabaseToTheSchemaOfThisRelease(t *testing.T) {
	t.Parallel()
	e, _ := environmentOf(t, "")
	o := e.execute(t, "find")
	if o.code != exitFailed {
		t.Errorf("a database that is not migrated: %+v", o)
	}
	contains(t, "stderr", o.stderr, "Hint: ", "auditctl migrate")

	o = e.execute(t, "migrate", "--check")
	if o.code != exitNo {
		t.Errorf("migrations are pending: %+v", o)
	}
	contains(t, "check", o.stdout, "schema of the database: version 0", "pending: 0001_execution_audit.sql")
	contains(t, "check", o.stderr, "migrations pending", "run: auditctl migrate")

	contains(t, "migrate", e.answer(t, "migrate"), "schema brought from version 0 to", "applied: 0001_execution_audit.sql")
	contains(t, "migrate again", e.answer(t, "migrate"), "already")
	if text := e.answer(t, "migrate", "--check"); strings.Contains(text, "pending") {
		t.Errorf("nothing should be pending: %s", text)
	}
	e.sql(t, `INSERT INTO auditflow_schema_version (version_id, is_applied) VALUES (9999, true)`)
	contains(t, "a newer schema that only adds", e.answer(t, "migrate", "--check"), "version 9999", "oldest release that can work with it")
	contains(t, "a newer schema that only adds", e.answer(t, "migrate"), "already")
	e.sql(t, `COMMENT ON TABLE auditflow_schema_version IS '{"oldest_release": 9999}'`)
	if o := e.execute(t, "migrate", "--check"); o.code != exitNo || !strings.Contains(o.stderr, "newer release") {
		t.Errorf("a database that is ahead, checked: %+v", o)
	}
	if o := e.execute(t, "migrate"); o.code != exitFailed || !strings.Contains(o.stderr, "9999") {
		t.Errorf("a database that is ahead: %+v", o)
	}
}

// unstorable is a record that PostgreSQL refuses, because somebody forgot to
// normalise it.
func unstorable(uid string) audit.Record {
	r := succeeded(uid, 5)
	r.Output = "a\x00b"
	r.RecordSHA256 = r.Digest()
	return r
}

func TestQuarantineIsListedAndReplayed(t *testing.T) {
	t.Parallel()
	e, store := database(t)
	contains(t, "an empty quarantine", e.execute(t, "quarantine", "list").stderr, "Nothing is in quarantine.")
	var records []audit.Record
	for i := range 3 {
		records = append(records, unstorable(fmt.Sprint("uid-", i)))
	}
	_, err := store.Append(t.Context(), records)
	must(t, err)

	if got := lines[postgres.Quarantined](t, e.answer(t, "quarantine", "list", "-o", "json")); len(got) != 3 {
		t.Errorf("%d in quarantine", len(got))
	}
	o := e.execute(t, "quarantine", "list", "--limit", "1")
	contains(t, "the list", o.stdout, "22021", "1 record")
	contains(t, "the rest", o.stderr, "There are 3 in all")

	o = e.execute(t, "explain", records[0].ID)
	contains(t, "explain", o.stdout, "quarantined", "22021", "auditctl quarantine replay "+records[0].ID)
	if o.code != exitNo {
		t.Errorf("explain of a record in quarantine: exit code %d", o.code)
	}

	nobody := audit.ID("prod-eu", "nobody")
	o = e.execute(t, "quarantine", "replay", records[0].ID, nobody)
	if o.code != exitNo {
		t.Errorf("replay of what is not there: %+v", o)
	}
	contains(t, "replay", o.stdout, "stored", "not in quarantine", nobody)
	contains(t, "summary", o.stderr, "1 stored, 0 duplicate, 0 conflict, 0 still quarantined, 1 not in quarantine", "1 of 2 records could not be replayed")

	o = e.execute(t, "quarantine", "replay", "--all", "-o", "json")
	if got := lines[audit.Receipt](t, o.stdout); o.code != exitOK || len(got) != 2 || got[0].Outcome != audit.OutcomeStored {
		t.Errorf("replay --all: %+v", o)
	}
	if got := lines[row](t, e.answer(t, "find", "-o", "json")); len(got) != 3 || got[0].Output != "a\u2400b" {
		t.Errorf("%d rows after replay", len(got))
	}
}
