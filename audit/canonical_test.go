package audit_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/auditflow/auditflow/audit"
)

// awkward are texts that encoding/json does not write as they are.
var awkward = []string{
	"", "a", "<a&b>", `"`, `\`, "\x00", "\b\f\n\r\t", "\x1f", "\x7f", "é", "\u2027", "\u2028", "\u2029", "\u202a", "😀",
	"\xff", "\xe2\x80", "\xe2\x80\xa8\xe2", "\xed\xa0\x80", "\ufffd", "12345678", "1234567\n", "12345678\u2028901234567",
}

func drawText() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(awkward), rapid.String()), 0, 4).Draw(t, "texts"), "")
	})
}

// drawJSON draws JSON texts with and without white space, escapes, equal keys.
func drawJSON(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		space := func() string { return rapid.SampledFrom([]string{"", "", " ", "\n\t\r "}).Draw(t, "space") }
		kind := rapid.IntRange(0, 5).Draw(t, "kind")
		if depth == 0 {
			kind %= 4
		}
		switch kind {
		case 0:
			return rapid.SampledFrom([]string{"true", "false", "null"}).Draw(t, "word")
		case 1:
			return rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,3})?`).Draw(t, "number")
		case 2, 3:
			return drawQuoted().Draw(t, "string")
		}
		var parts []string
		for range rapid.IntRange(0, 15).Draw(t, "elements") {
			value := space() + drawJSON(depth-1).Draw(t, "value") + space()
			if kind == 5 {
				value = space() + drawQuoted().Draw(t, "key") + space() + ":" + value
			}
			parts = append(parts, value)
		}
		if kind == 4 {
			return "[" + strings.Join(parts, ",") + space() + "]"
		}
		return "{" + strings.Join(parts, ",") + space() + "}"
	})
}

func drawQuoted() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		escapes := rapid.SampledFrom([]string{
			`\u2028`, `\ud83d\ude00`, `\ud800`, `\uDFFF\u0041`, `\u0000`, `\/`, `\\`, `\"`, `\b\f\n\r\t`,
			"\u2028", "\x7f", "<é>", "\xff", "a", "b", "aa", "",
		})
		return `"` + strings.Join(rapid.SliceOfN(escapes, 0, 4).Draw(t, "characters"), "") + `"`
	})
}

// drawRecord fills every field there is, so that one that is new and forgotten is
// found.
func drawRecord(t *rapid.T) audit.Record {
	var r audit.Record
	value := reflect.ValueOf(&r).Elem()
	for i := range value.NumField() {
		if field := value.Field(i); rapid.Bool().Draw(t, "known") {
			drawField(t, field)
		}
	}
	return r
}

func drawField(t *rapid.T, field reflect.Value) {
	switch p := field.Addr().Interface().(type) {
	case *string:
		*p = drawText().Draw(t, "text")
	case *bool:
		*p = true
	case *int32:
		*p = rapid.Int32().Draw(t, "integer")
	case *json.RawMessage:
		*p = json.RawMessage(drawJSON(3).Draw(t, "json"))
	case *time.Time:
		zone := time.FixedZone("", 60*rapid.IntRange(-23*60, 23*60).Draw(t, "zone"))
		*p = time.Unix(rapid.Int64Range(-62135500000, 253402200000).Draw(t, "seconds"), rapid.Int64Range(0, 999999999).Draw(t, "nanos")).In(zone)
	case **time.Duration:
		*p = new(time.Duration(rapid.Int64().Draw(t, "duration")))
	case **int32:
		*p = new(rapid.Int32().Draw(t, "integer"))
	case **audit.ResourceUsage:
		*p = &audit.ResourceUsage{CPUMillicores: rapid.Int64().Draw(t, "cpu"), MemoryBytes: rapid.Int64().Draw(t, "memory")}
	case *[]audit.Redaction:
		for range rapid.IntRange(0, 3).Draw(t, "redactions") {
			*p = append(*p, audit.Redaction{Rule: drawText().Draw(t, "rule"), Path: drawText().Draw(t, "path"), Count: rapid.Int().Draw(t, "count")})
		}
	case *[]audit.Note:
		for range rapid.IntRange(0, 3).Draw(t, "notes") {
			*p = append(*p, audit.Note{Change: drawText().Draw(t, "change"), Path: drawText().Draw(t, "path"), Count: rapid.Int().Draw(t, "count")})
		}
	default:
		t.Fatalf("a field of type %s: say how to draw it", field.Type())
	}
}

func TestTheCanonicalFormIsWhatEncodingJSONMakesOfTheRecord(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		want := audit.CanonicalJSON(r)
		if got := audit.AppendCanonical([]byte("before"), &r); string(got) != "before"+string(want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

func FuzzTheCanonicalFormOfTexts(f *testing.F) {
	for _, text := range awkward {
		f.Add(text, `{"b": "`+text+`", "a":1}`)
	}
	f.Fuzz(func(t *testing.T, text, parameters string) {
		r := audit.Record{Output: text, Error: text + text, Redactions: []audit.Redaction{{Path: text}}}
		if json.Valid([]byte(parameters)) {
			r.ActionParameters = json.RawMessage(parameters)
		}
		if got, want := audit.AppendCanonical(nil, &r), audit.CanonicalJSON(r); !bytes.Equal(got, want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

func TestWhatJSONCannotHoldIsRefusedByBothForms(t *testing.T) {
	t.Parallel()
	panics := func(do func()) (panicked bool) {
		defer func() { panicked = recover() != nil }()
		do()
		return false
	}
	deep := func(n int) json.RawMessage {
		return json.RawMessage(strings.Repeat("[", n) + strings.Repeat("]", n))
	}
	records := map[string]audit.Record{
		"the year 10000":        {CreatedAt: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"the year -1":           {EndTime: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)},
		"a day's offset":        {CreatedAt: time.Date(2025, 1, 1, 0, 0, 0, 0, time.FixedZone("", 24*3600))},
		"nested 10,001 levels":  {ActionParameters: deep(10_001)},
		"nested 10,000 levels,": {ActionParameters: deep(10_000)}, // which is allowed
	}
	for _, text := range []string{
		`{`, `{"a"}`, `{"a":1,}`, `[1,]`, `[1 2]`, `01`, `-`, `1.`, `1e`, `.5`, `+1`, `tru`, `nullx`, `"a`, `"\x"`, `"\u12g4"`, "\"\n\"",
		` `, `1 2`, `{1:2}`, `{"a":1 "b":2}`, `"\`, `"\u12`, `]`, `[}`,
	} {
		records["not JSON: "+text] = audit.Record{ActionParameters: json.RawMessage(text)}
	}
	for what, r := range records {
		want := panics(func() { audit.CanonicalJSON(r) })
		if want == strings.HasSuffix(what, ",") {
			t.Fatalf("%s: refused %v", what, want)
		}
		if got := panics(func() { audit.AppendCanonical(nil, &r) }); got != want {
			t.Errorf("%s: refused %v, want %v", what, got, want)
		}
	}
}

// Every row ever written depends on it.
func TestTheDigestIsTheSameForEverOnceWritten(t *testing.T) {
	t.Parallel()
	d, code, usage := 1500*time.Millisecond, int32(137), audit.ResourceUsage{CPUMillicores: 250, MemoryBytes: 1 << 40}
	full := audit.Record{
		ID: audit.ID("prod", "8d7f"), ExecutionID: "scale-web-1", WorkflowRef: "alert-1", StepIndex: 3, ActionType: "scale-deployment",
		ActionParameters: json.RawMessage(`{"a":"é\"<&>","b":[1,2.50,null]}`), TargetNamespace: "shop", TargetResourceKind: "Deployment",
		TargetResourceName: "cart", Success: true, Output: "line\n\u2028<b>&\x7f", Error: "“slow”\xff",
		StartTime: time.Date(2026, 11, 23, 4, 0, 1, 0, time.UTC), EndTime: time.Date(2026, 11, 23, 4, 0, 2, 500_000_000, time.UTC),
		Duration: &d, JobName: "job", JobPodName: "job-x7", JobExitCode: &code, JobSignal: &code, JobResourceUsage: &usage,
		RetryCount: 1, MaxRetries: 5, CreatedAt: time.Date(2026, 11, 23, 4, 0, 0, 123456000, time.UTC),
		CompletedAt: time.Date(2026, 11, 23, 4, 0, 3, 0, time.UTC), Phase: "Completed", Cluster: "prod", ExecutionNamespace: "kubernaut",
		ExecutionUID: "8d7f", Source: "KubernetesExecution", JobExitReason: "OOMKilled", ResourceUsageSource: "metrics.k8s.io",
		Redactions: []audit.Redaction{{Rule: "r", Path: "output", Count: 2}}, Notes: []audit.Note{{Change: "c", Path: "error", Count: 1}},
	}
	const goldenFull, goldenMinimal = "c56ba97ff730176c80dbcc608f670c13511f9bd71515acd85c537ffb9111346e",
		"5602120161e33cbff95ed86db8e56985193eaf43ab6e590310361f96fc132757"
	told := full
	told.RecordSHA256, told.DeliveredBy, told.Policy = "x", "y", "z" // which tell of the delivery
	for _, r := range []audit.Record{full, told} {
		if got := r.Digest(); got != goldenFull {
			t.Errorf("digest %s, want %s", got, goldenFull)
		}
	}
	if got := valid().Digest(); got != goldenMinimal {
		t.Errorf("digest %s, want %s", got, goldenMinimal)
	}
}

func FuzzCanonicalJSONOfAText(f *testing.F) {
	for _, text := range awkward {
		f.Add([]byte(`{"b": "` + text + `", "a":[1, -2.5e7], "` + text + `":null}`))
	}
	f.Fuzz(func(t *testing.T, text []byte) { compareJSON(t, text) })
}

func TestTheCanonicalFormOfATextIsThatOfWhatItDecodesTo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { compareJSON(t, []byte(drawJSON(4).Draw(t, "json"))) })
}

func compareJSON(t interface{ Fatalf(string, ...any) }, text []byte) {
	got, err := audit.AppendCanonicalJSON([]byte("before"), text)
	decoded, ok := audit.DecodeJSON(text)
	if !json.Valid(text) {
		if err == nil || string(got) != "before" || ok {
			t.Fatalf("%q was accepted", text)
		}
		return
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%v", err)
	}
	if !ok || !reflect.DeepEqual(decoded, value) {
		t.Fatalf("%s is decoded to\n%#v, want\n%#v", text, decoded, value)
	}
	if want := audit.CanonicalJSON(value); err != nil || string(got) != "before"+string(want) {
		t.Fatalf("of %s\ngot  %s %v\nwant %s", text, got, err, want)
	}
}
