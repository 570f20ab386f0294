package audit_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/auditflow/auditflow/audit"
)

func TestRecordsAreReadAsEncodingJSONReadsThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var list [][]byte
		for range rapid.IntRange(0, 3).Draw(t, "records") {
			r := drawRecord(t)
			list = append(list, audit.AppendCanonical(nil, &r))
		}
		text := []byte("[" + string(bytes.Join(list, []byte(","))) + "]\n")
		compareRecords(t, text)
		if !audit.ReadsFast(text) {
			t.Fatalf("left to encoding/json: %s", text)
		}
	})
}

// What an envelope of another release may hold, or nobody has written.
func TestRecordsInAnyOtherFormAreReadAsEncodingJSONReadsThem(t *testing.T) {
	t.Parallel()
	r := typical()
	r.Redactions, r.Notes = []audit.Redaction{{Rule: "r", Path: "output", Count: 2}}, []audit.Note{{Change: "c", Path: "error", Count: 1}}
	written := string(audit.AppendCanonical(nil, &r))
	texts := []string{
		"", "null", "[]", "[ ]", " []", "[] \n", "{}", "[{}]", "[null]", "[1]", "[", "[" + written, "[" + written + "]]", "[" + written + ",]", "[,]", "[}]", `[,"execution_id":""}]`, "]", "[]]",
		"[" + written + "," + written + "]", "[" + written + " , " + written + "]", "[" + written + written + "]",
	}
	for old, changed := range map[string]string{
		`"id":`: `"ID":`, `"execution_id":`: `"id":"another","execution_id":`, `"step_index":0`: `"step_index":2147483648`,
		`"retry_count":0`: `"retry_count":0.5`, `"max_retries":0`: `"max_retries":01`, `"memory_bytes":134217728`: `"memory_bytes":-0`,
		`"success":false`: `"success":null`, `"phase":"`: `"phase":null,"unknown":"`, `"policy"`: `"policy":1`, `"count":2`: `"count":1e2`,
		`"count":1`: `"count":99999999999999999999`, `,"notes":[{`: `,"notes":[],"notes":[{`, `"redactions":[{`: `"redactions":[null,{`,
		`"cpu_millicores":100,`: ``, `"action_parameters":{`: `"action_parameters": {"a" : 1},"x":{`, `"created_at":"`: `"created_at":" `,
		`"start_time":"`: `"start_time":"\u0032`, `"duration"`: `"duration":null,"x"`, `"cluster":"`: `"cluster":"\`, `"rule":"r",`: ``,
		`"job_exit_code":0`: `"job_exit_code":-`, `"source":`: `"source" :`, `"action_type":"`: "\"action_type\":\"\xff\\u00e9\\ud83d\\ude00\\ud800\\u0041\\/\\b",
	} {
		texts = append(texts, "["+strings.Replace(written, old, changed, 1)+"]")
	}
	for _, text := range texts {
		compareRecords(t, []byte(text))
	}
}

func FuzzRecordsAreReadAsEncodingJSONReadsThem(f *testing.F) {
	r := typical()
	f.Add(append(audit.AppendCanonical([]byte("["), &r), ']'))
	r.Redactions, r.Notes = []audit.Redaction{{Rule: "r", Path: "output", Count: 2}, {}}, []audit.Note{{Change: "c", Path: "error", Count: 1}}
	r.Output = strings.Join(awkward, "")
	f.Add(append(audit.AppendCanonical([]byte("["), &r), ']'))
	f.Fuzz(func(t *testing.T, text []byte) { compareRecords(t, text) })
}

func compareRecords(t interface{ Fatalf(string, ...any) }, text []byte) {
	want := []audit.Record{}
	refused := json.Unmarshal(text, &want)
	got, err := audit.UnmarshalRecords(text)
	if (err == nil) != (refused == nil) {
		t.Fatalf("of %s\ngot  %v\nwant %v", text, err, refused)
	}
	if err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("of %s\ngot  %+v\nwant %+v", text, got, want)
	}
}
