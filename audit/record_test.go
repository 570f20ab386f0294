package audit_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/auditflow/auditflow/audit"
)

func valid() audit.Record {
	d := 1500 * time.Millisecond
	return audit.Record{
		ID: audit.ID("prod", "8d7f"), ExecutionID: "scale-web-1", WorkflowRef: "alert-1", ActionType: "scale-deployment",
		Duration: &d, CreatedAt: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC), Phase: "Completed",
		Cluster: "prod", ExecutionUID: "8d7f", Source: "KubernetesExecution",
	}
}

func TestIDIsTheSameForEverOnceWritten(t *testing.T) {
	t.Parallel()
	const golden = "bf270c7c-eb2b-5720-a7b9-166cfeddac28"
	if got := audit.ID("prod", "8d7f"); got != golden {
		t.Errorf("ID = %s; every row ever written depends on %s", got, golden)
	}
	if audit.ID("a", "bc") == audit.ID("ab", "c") {
		t.Error("cluster and uid run into each other")
	}
}

func TestValidateReportsEveryFaultByField(t *testing.T) {
	t.Parallel()
	good := valid()
	if err := good.Validate(); err != nil {
		t.Fatalf("a valid record is refused: %v", err)
	}
	negative := -time.Second
	bad := audit.Record{ID: "x", StepIndex: -1, RetryCount: -1, MaxRetries: -1, Duration: &negative, ActionParameters: json.RawMessage(`{"a":`)}
	err := bad.Validate()
	if err == nil {
		t.Fatal("an empty record is accepted")
	}
	for _, field := range []string{"id", "execution_id", "action_type", "cluster", "source", "phase", "created_at", "step_index", "retry_count", "max_retries", "duration", "action_parameters"} {
		if !strings.Contains(err.Error(), field+": ") {
			t.Errorf("fault of %s is not reported in %q", field, err)
		}
	}
}

func TestNormaliseKeepsWhatPostgreSQLCanHoldAndNotesTheRest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		parameters string
		want       string
		change     string
	}{
		{"keys are sorted and white space goes", `{"b": 1, "a": [true, null]}`, `{"a":[true,null],"b":1}`, ""},
		{"null counts as no parameters", ` null `, ``, ""},
		{"the last of equal keys wins, as in jsonb", `{"a":1,"a":2}`, `{"a":2}`, audit.ChangeDuplicateKey},
		{"an escaped NUL becomes a visible one", `{"a":"x\u0000y"}`, `{"a":"x␀y"}`, audit.ChangeNUL},
		{"a lone surrogate is noted, not silently replaced", `{"a":"\ud800"}`, "{\"a\":\"\ufffd\"}", audit.ChangeUTF8},
		{"a surrogate pair is a character", `{"a":"\ud83d\ude00"}`, `{"a":"😀"}`, ""},
		{"an escaped backslash before u is no escape", `{"a":"\\ud800"}`, `{"a":"\\ud800"}`, ""},
		{"exponents unfold as numeric prints them", `[1e2,1.50e1,25e-1,-0,-0.0,1E+2]`, `[100,15.0,2.5,0,0.0,100]`, ""},
		{"a number beyond any column becomes a string", `[1e400000]`, `["1e400000"]`, audit.ChangeNumber},
		{"what is not JSON becomes a string", `{"a":`, `"{\"a\":"`, audit.ChangeNotJSON},
		{"two documents are not one value", `{} {}`, `"{} {}"`, audit.ChangeNotJSON},
		{"angle brackets stay readable", `"<a&b>"`, `"<a&b>"`, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := valid()
			r.ActionParameters = json.RawMessage(tc.parameters)
			got := r.Normalise()
			if string(got.ActionParameters) != tc.want {
				t.Errorf("got %s, want %s", got.ActionParameters, tc.want)
			}
			if tc.change == "" && len(got.Notes) > 0 {
				t.Errorf("unexpected notes %v", got.Notes)
			}
			if tc.change != "" && (len(got.Notes) != 1 || got.Notes[0].Change != tc.change) {
				t.Errorf("notes %v, want one %s", got.Notes, tc.change)
			}
		})
	}
}

func TestNormaliseBoundsDepth(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{audit.MaxDepth, audit.MaxDepth + 1, 20_000} {
		r := valid()
		r.ActionParameters = json.RawMessage(strings.Repeat("[", depth) + strings.Repeat("]", depth))
		got := r.Normalise()
		if cut := got.ActionParameters[0] == '"'; cut != (depth > audit.MaxDepth) {
			t.Errorf("depth %d: turned into a string = %v", depth, cut)
		}
	}
}

func TestNormaliseTexts(t *testing.T) {
	t.Parallel()
	negative := -time.Second
	r := valid()
	r.Output = "a\x00b\xff\xfec"
	r.ExecutionID = strings.Repeat("é", 300)
	r.Duration = &negative
	r.EndTime = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	r.StartTime = time.Date(2026, 1, 1, 1, 0, 0, 1_999, time.FixedZone("X", 3600))
	got := r.Normalise()
	if got.Output != "a␀b\ufffdc" {
		t.Errorf("output %q", got.Output)
	}
	if n := utf8.RuneCountInString(got.ExecutionID); n != 255 {
		t.Errorf("execution_id has %d runes", n)
	}
	if got.Duration != nil || !got.EndTime.IsZero() {
		t.Errorf("duration %v, end %v: want both dropped", got.Duration, got.EndTime)
	}
	if want := "2026-01-01T00:00:00.000001Z"; got.StartTime.Format(time.RFC3339Nano) != want {
		t.Errorf("start %v, want %s", got.StartTime, want)
	}
	want := []audit.Note{
		{Change: audit.ChangeTruncated, Path: "execution_id", Count: 1},
		{Change: audit.ChangeNUL, Path: "output", Count: 1},
		{Change: audit.ChangeUTF8, Path: "output", Count: 1},
		{Change: audit.ChangePrecision, Path: "start_time", Count: 1},
		{Change: audit.ChangeTime, Path: "end_time", Count: 1},
		{Change: audit.ChangeDuration, Path: "duration", Count: 1},
	}
	if a, b := asJSON(got.Notes), asJSON(want); a != b {
		t.Errorf("notes\n%s want\n%s", a, b)
	}
}

func TestADigestCanBeTakenOfWhateverWasNormalised(t *testing.T) {
	t.Parallel()
	for _, years := range []int{-300_000, -2100, -1000, 9000, 290_000} {
		r := valid()
		r.CreatedAt = r.CreatedAt.AddDate(years, 0, 0)
		got := r.Normalise()
		if digest := got.Digest(); len(digest) != 64 {
			t.Errorf("digest %q", digest)
		}
		if y := r.CreatedAt.Year(); (len(got.Notes) == 0) != (y >= 0 && y <= 9999) {
			t.Errorf("year %d: created_at %v, notes %v", y, got.CreatedAt, got.Notes)
		}
	}
}

func asJSON(v any) string { b, _ := json.Marshal(v); return string(b) }

func FuzzNormaliseIsTotalIdempotentAndSurvivesItsOwnWire(f *testing.F) {
	f.Add("plain", `{"a":[1,2.50,1e9,"x"]}`)
	f.Add("\x00\xff", `{"a":"\ud800\u0000","a":-0.0e5}`)
	f.Add("", "\"\xff\x00")
	f.Fuzz(func(t *testing.T, output, parameters string) {
		r := valid()
		r.Output, r.ActionParameters = output, json.RawMessage(parameters)
		once := r.Normalise()
		twice := once.Normalise()
		if asJSON(once) != asJSON(twice) {
			t.Fatalf("not idempotent:\n%s\n%s", asJSON(once), asJSON(twice))
		}
		if len(once.ActionParameters) > 0 && !json.Valid(once.ActionParameters) {
			t.Fatalf("not JSON: %q", once.ActionParameters)
		}
		var back audit.Record
		if err := json.Unmarshal([]byte(asJSON(once)), &back); err != nil {
			t.Fatal(err)
		}
		if back.Normalise().Digest() != once.Digest() {
			t.Fatal("the digest does not survive the wire")
		}
	})
}

func TestDigestTellsOfTheExecutionNotOfItsDelivery(t *testing.T) {
	t.Parallel()
	r := valid().Normalise()
	digest := r.Digest()
	r.DeliveredBy, r.Policy, r.RecordSHA256 = "audit/KubernetesExecution/8d7f", "builtin-2", digest
	if r.Digest() != digest {
		t.Error("the digest depends on the delivery")
	}
	r.Output = "x"
	if r.Digest() == digest {
		t.Error("the digest does not depend on the output")
	}
}

func TestPeriods(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                string
		interval            audit.Interval
		at                  string
		start, end, partial string
	}{
		{"a month", audit.Monthly, "2025-01-15T12:00:00Z", "2025-01-01", "2025-02-01", "2025_01"},
		{"the first instant belongs to its month", audit.Monthly, "2025-02-01T00:00:00Z", "2025-02-01", "2025-03-01", "2025_02"},
		{"the zone of the time does not matter", audit.Monthly, "2025-02-01T00:30:00+01:00", "2025-01-01", "2025-02-01", "2025_01"},
		{"December ends in the next year", audit.Monthly, "2025-12-31T23:59:59.999999Z", "2025-12-01", "2026-01-01", "2025_12"},
		{"a leap day", audit.Daily, "2028-02-29T10:00:00Z", "2028-02-29", "2028-03-01", "2028_02_29"},
		{"a week begins on Monday", audit.Weekly, "2026-11-29T23:00:00Z", "2026-11-23", "2026-11-30", "w2026_11_23"},
		{"Monday begins its own week", audit.Weekly, "2026-11-23T00:00:00Z", "2026-11-23", "2026-11-30", "w2026_11_23"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			at, err := time.Parse(time.RFC3339, tc.at)
			if err != nil {
				t.Fatal(err)
			}
			p := audit.PeriodOf(tc.interval, at)
			if got := p.Start.Format(time.DateOnly) + " " + p.End.Format(time.DateOnly) + " " + p.Suffix(); got != tc.start+" "+tc.end+" "+tc.partial {
				t.Errorf("got %s", got)
			}
		})
	}
}
