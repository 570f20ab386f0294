package postgres_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// badInput is something that systems of this kind have choked on.
type badInput struct {
	name   string
	change func(*audit.Record)
	note   string        // the change that is noted; empty: read back as it was
	want   audit.Outcome // empty: stored
}

func badInputs() []badInput {
	return slices.Concat(badTexts(), badParameters(), badNumbers(), badTimes(), badNames())
}

func badTexts() []badInput {
	output := func(s string) func(*audit.Record) { return func(r *audit.Record) { r.Output = s } }
	return []badInput{
		{name: "NUL in text", change: output("a\x00b"), note: audit.ChangeNUL},
		{name: "nothing but NUL", change: output(strings.Repeat("\x00", 1000)), note: audit.ChangeNUL},
		{name: "invalid UTF-8", change: output("a\xff\xfeb\xc3("), note: audit.ChangeUTF8},
		{name: "an overlong encoding", change: output("\xc0\x80\xe0\x80\xaf"), note: audit.ChangeUTF8},
		{name: "a surrogate in UTF-8", change: output("\xed\xa0\x80"), note: audit.ChangeUTF8},
		{name: "beyond U+10FFFF", change: output("\xf4\x90\x80\x80"), note: audit.ChangeUTF8},
		{name: "cut in mid-rune", change: output("😀"[:3]), note: audit.ChangeUTF8},
		{name: "noncharacters and a BOM", change: output("\ufeff\ufffe\uffff\U0010ffff\ufdd0")},
		{name: "ANSI escapes, CR, bidi overrides", change: output("\x1b[2J\r\u202e\u2066x\u2069\v\f\b\x7f")},
		{name: "output of 1.5 MB", change: output(strings.Repeat("0123456789abcde\n", 98_304))},
		{name: "error of 1.5 MB in one line", change: func(r *audit.Record) { r.Error = noise(1_500_000) }},
		{name: "no output", change: output("")},
	}
}

func badParameters() []badInput {
	parameters := func(s string) func(*audit.Record) {
		return func(r *audit.Record) { r.ActionParameters = json.RawMessage(s) }
	}
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = fmt.Sprintf(`"key %d":%d`, i, i)
	}
	return []badInput{
		{name: "an escaped NUL", change: parameters(`{"a":"x\u0000y"}`), note: audit.ChangeNUL},
		{name: "an escaped NUL in a key", change: parameters(`{"\u0000":1}`), note: audit.ChangeNUL},
		{name: "a lone surrogate", change: parameters(`["\ud800"]`), note: audit.ChangeUTF8},
		{name: "surrogates in the wrong order", change: parameters(`["\ude00\ud83d"]`), note: audit.ChangeUTF8},
		{name: "invalid UTF-8 inside JSON", change: parameters("{\"a\":\"\xff\"}"), note: audit.ChangeUTF8},
		{name: "a number of 400,000 digits", change: parameters(`[1e400000]`), note: audit.ChangeNumber},
		{name: "a number of 100,000 digits", change: parameters(`[1e100000]`), note: audit.ChangeNumber},
		{name: "a number beyond float64", change: parameters(`[1e999]`), note: audit.ChangeNumber},
		{name: "an exponent beyond int64", change: parameters(`[1e99999999999999999999]`), note: audit.ChangeNumber},
		{name: "a tiny number", change: parameters(`[1e-20000]`), note: audit.ChangeNumber},
		{name: "5,000 digits written out", change: parameters(strings.Repeat("9", 5000)), note: audit.ChangeNumber},
		{name: "numbers that floats cannot tell apart", change: parameters(`[9007199254740993, 0.1000000000000000055511151231257827, -0, 1E2, 1.50]`)},
		{name: "duplicate keys", change: parameters(`{"a":1,"b":{"c":1,"c":2},"a":3}`), note: audit.ChangeDuplicateKey},
		{name: "keys that are duplicates once NUL is replaced", change: parameters(`{"\u0000":1,"␀":2}`), note: audit.ChangeDuplicateKey},
		{name: "7,000 levels", change: parameters(nested(7000)), note: audit.ChangeDepth},
		{name: "100,000 levels", change: parameters(nested(100_000)), note: audit.ChangeDepth},
		{name: "as deep as it may be", change: parameters(nested(audit.MaxDepth))},
		{name: "an empty string", change: parameters(``)},
		{name: "white space", change: parameters(" \n\t")},
		{name: "an empty JSON string", change: parameters(`""`)},
		{name: "unknown fields and wrong types", change: parameters(`{"replicas":"3","dryRun":"true","unknown":[null]}`)},
		{name: "trailing garbage", change: parameters(`{"a":1}]`), note: audit.ChangeNotJSON},
		{name: "two documents", change: parameters(`{"a":1} {"b":2}`), note: audit.ChangeNotJSON},
		{name: "NaN", change: parameters(`{"a":NaN}`), note: audit.ChangeNotJSON},
		{name: "a number with a leading zero", change: parameters(`[01]`), note: audit.ChangeNotJSON},
		{name: "a comment", change: parameters(`{} // none`), note: audit.ChangeNotJSON},
		{name: "10,000 keys", change: parameters("{" + strings.Join(keys, ",") + "}")},
		{name: "a million elements", change: parameters("[" + strings.Repeat("1,", 999_999) + "1]")},
		{name: "a string of 1.5 MB", change: parameters(`"` + noise(1_500_000) + `"`)},
		{name: "a key of 100 KB", change: parameters(`{"` + noise(100_000) + `":1}`)},
	}
}

func badNumbers() []badInput {
	duration := func(d time.Duration) func(*audit.Record) { return func(r *audit.Record) { r.Duration = &d } }
	return []badInput{
		{name: "the longest duration", change: duration(math.MaxInt64), note: audit.ChangePrecision},
		{name: "a duration in nanoseconds", change: duration(1234567891), note: audit.ChangePrecision},
		{name: "a negative duration", change: duration(-time.Second), note: audit.ChangeDuration},
		{name: "the most negative duration", change: duration(math.MinInt64), note: audit.ChangeDuration},
		{name: "no duration at all", change: duration(0)},
		{name: "integers at their limits", change: func(r *audit.Record) {
			least, most := int32(math.MinInt32), int32(math.MaxInt32)
			r.StepIndex, r.JobExitCode, r.JobSignal = most, &least, &most
			r.JobResourceUsage = &audit.ResourceUsage{CPUMillicores: math.MaxInt64, MemoryBytes: math.MinInt64}
		}},
		{name: "negative counts, which a door would refuse", change: func(r *audit.Record) {
			r.StepIndex, r.RetryCount, r.MaxRetries = -1, -2, math.MinInt32
		}},
	}
}

func badTimes() []badInput {
	created := func(s string) func(*audit.Record) {
		return func(r *audit.Record) { r.CreatedAt = instant(s) }
	}
	return []badInput{
		{name: "created at no time", change: func(r *audit.Record) { r.CreatedAt = time.Time{} }, want: audit.OutcomeQuarantined},
		{name: "created before 1970", change: created("1969-12-31T23:59:59Z"), want: audit.OutcomeQuarantined},
		{name: "created in the first second there is", change: created("1970-01-01T00:00:00Z")},
		{name: "created in the last month there is", change: created("9999-12-31T23:59:59Z")},
		{name: "created in the year 300000", change: func(r *audit.Record) { r.CreatedAt = r.CreatedAt.AddDate(298_000, 0, 0) }, want: audit.OutcomeQuarantined},
		{name: "created when there is no partition", change: created("2031-07-04T00:00:00Z")},
		{name: "created at the first instant of a month", change: created("2025-03-01T00:00:00Z")},
		{name: "created at the last instant of a month", change: created("2025-02-28T23:59:59.999999Z")},
		{name: "created in a month that is over elsewhere", change: created("2025-04-01T00:30:00+14:00")},
		{name: "created in an hour that came twice", change: created("2025-10-26T02:30:00+01:00")},
		{name: "created at a nanosecond", change: created("2025-01-15T12:00:00.123456789Z"), note: audit.ChangePrecision},
		{name: "a nanosecond before a month ends", change: created("2025-01-31T23:59:59.999999999Z"), note: audit.ChangePrecision},
		{name: "started at no time", change: func(r *audit.Record) { r.StartTime = time.Time{} }},
		{name: "started in the year 1, elsewhere", change: func(r *audit.Record) {
			r.StartTime = time.Time{}.In(time.FixedZone("", 3600))
		}},
		{name: "completed in the year 9999", change: func(r *audit.Record) { r.CompletedAt = instant("9999-12-31T00:00:00Z") }},
		{name: "completed in the year 300000", change: func(r *audit.Record) { r.CompletedAt = r.CompletedAt.AddDate(298_000, 0, 0) }, note: audit.ChangeTime},
		{name: "ended before it started", change: func(r *audit.Record) {
			r.EndTime = r.StartTime.Add(-time.Hour)
			d := r.EndTime.Sub(r.StartTime)
			r.Duration = &d
		}, note: audit.ChangeDuration},
	}
}

func badNames() (inputs []badInput) {
	for _, name := range []string{
		"a/b", "../../etc/passwd", "%00", `"quoted" 'twice' \`, "😀", "", "'; DROP TABLE kubernetes_execution_audit; --",
		"{}", "NULL", `\N`, "=cmd|' /C calc'!A0", "+1", "-1", "@x", "\t", "é", "e\u0301", strings.Repeat("x", 254),
	} {
		inputs = append(inputs, badInput{name: fmt.Sprintf("the name %.20q", name), change: func(r *audit.Record) { r.ExecutionID = name }})
	}
	long := strings.Repeat("x", 256)
	return append(inputs,
		badInput{name: "a name of 256 runes", change: func(r *audit.Record) { r.ExecutionID = long }, note: audit.ChangeTruncated},
		badInput{name: "every name too long", change: func(r *audit.Record) {
			r.ExecutionID, r.WorkflowRef, r.ActionType, r.TargetNamespace, r.TargetResourceKind = long, long, long, long, long
			r.TargetResourceName, r.JobName, r.JobPodName, r.Phase, r.ExecutionNamespace = long, long, long, long, long
			r.ExecutionUID, r.Source, r.JobExitReason, r.ResourceUsageSource = long, long, long, long
		}, note: audit.ChangeTruncated},
		badInput{name: "the largest index entries there can be", change: func(r *audit.Record) {
			wide := wideNoise // four bytes a rune, and nothing to compress
			r.ExecutionID, r.WorkflowRef, r.ActionType, r.Phase = wide(255), wide(255), wide(100), wide(50)
			r.TargetNamespace, r.TargetResourceKind, r.TargetResourceName = wide(253), wide(100), wide(253)
			r.Cluster, r.ExecutionNamespace = wide(253), wide(253)
		}},
		badInput{name: "9 KB of noise in an indexed name", change: func(r *audit.Record) { r.WorkflowRef = noise(9000) }, note: audit.ChangeTruncated},
	)
}

// Each goes the way of every record, among 99 others that nothing is wrong with.
func TestABadInputIsStoredAsItWasOrWithANoteAndNeverAtTheCostOfOthers(t *testing.T) {
	t.Parallel()
	address := database(t)
	store := open(t, postgres.Config{URL: address})
	for i, input := range badInputs() {
		t.Run(input.name, func(t *testing.T) {
			t.Parallel()
			conn := connect(t, address)
			observed := complete(fmt.Sprint("bad-", i), january)
			observed.Notes = nil
			input.change(&observed)
			bad := digested(observed)
			batch := make([]audit.Record, 100)
			for n := range batch {
				batch[n] = complete(fmt.Sprintf("good-%d-%d", i, n), january)
			}
			batch[50] = bad

			receipts, err := store.Append(t.Context(), batch)
			must(t, err)
			want := input.want
			if want == "" {
				want = audit.OutcomeStored
			}
			equal(t, "outcome", receipts[50].Outcome, want)
			equal(t, "the others that were stored", outcomes(slices.Delete(receipts, 50, 51))[audit.OutcomeStored], 99)
			if want != audit.OutcomeStored {
				return
			}
			got := readBack(t, conn, "kubernetes_execution_audit", bad.ID)
			equal(t, "digest of what was read", got.Digest(), got.RecordSHA256)
			equal(t, "digest", got.RecordSHA256, bad.RecordSHA256)
			explained(t, observed, got, input.note)
		})
	}
}

// explained checks that whatever differs from what was observed has a note, and
// that there is the one that was expected and no other.
func explained(t *testing.T, observed, got audit.Record, expected string) {
	t.Helper()
	noted := map[string]bool{}
	for _, n := range got.Notes {
		noted[n.Path] = true
		if n.Change != expected && n.Change != audit.ChangeNUL {
			t.Errorf("noted %s of %s, want %q", n.Change, n.Path, expected)
		}
	}
	if found := slices.ContainsFunc(got.Notes, func(n audit.Note) bool { return n.Change == expected }); !found && expected != "" {
		t.Errorf("notes %v, want %s", got.Notes, expected)
	}
	a, b := reflect.ValueOf(observed), reflect.ValueOf(got)
	for i := range a.NumField() {
		name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("json"), ",")
		if name == "notes" || name == "record_sha256" {
			continue
		}
		if !noted[name] && !same(t, a.Field(i).Interface(), b.Field(i).Interface()) {
			t.Errorf("%s has changed and nothing tells: %.200v, was %.200v", name, b.Field(i), a.Field(i))
		}
	}
}

// same compares what values mean: instants in any zone, JSON in any spelling.
func same(t *testing.T, a, b any) bool {
	t.Helper()
	switch a := a.(type) {
	case time.Time:
		return a.Equal(b.(time.Time))
	case json.RawMessage:
		b := b.(json.RawMessage)
		if len(strings.TrimSpace(string(a))) == 0 {
			return len(b) == 0
		}
		return string(a) == string(b) || sameJSON(a, b)
	}
	return reflect.DeepEqual(a, b)
}

func sameJSON(a, b json.RawMessage) bool {
	values := [2]any{}
	for i, raw := range []json.RawMessage{a, b} {
		decoder := json.NewDecoder(strings.NewReader(string(raw)))
		decoder.UseNumber()
		if decoder.Decode(&values[i]) != nil {
			return false
		}
	}
	return reflect.DeepEqual(rational(values[0]), rational(values[1]))
}

// rational replaces the numbers in a JSON value by what they are.
func rational(value any) any {
	switch v := value.(type) {
	case json.Number:
		if r, ok := new(big.Rat).SetString(v.String()); ok && len(v) < 500 {
			return r.RatString()
		}
	case []any:
		for i := range v {
			v[i] = rational(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = rational(v[key])
		}
	}
	return value
}

func instant(s string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return at
}

// noise is text that does not compress.
func noise(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"
	source, text := rand.NewPCG(1, uint64(n)), make([]byte, n)
	for i := range text {
		text[i] = letters[source.Uint64()%64]
	}
	return string(text)
}

func wideNoise(n int) string {
	source, text := rand.NewPCG(2, uint64(n)), make([]rune, n)
	for i := range text {
		text[i] = rune(0x20000 + source.Uint64()%0xa000) // CJK ideographs of plane 2
	}
	return string(text)
}
