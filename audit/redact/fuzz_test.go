package redact_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/auditflow/auditflow/audit/redact"
)

func FuzzTextIsTotalAndIdempotent(f *testing.F) {
	for _, seed := range []string{
		"", "password", "password=", `{"password":"a\"b"}`, "--token [REDACTED:token]x", "password=[REDACTED:password", "\xff\x1b[0m%41",
		"kind: Secret\ndata:\n  a: b\n", pem, jwt, "u://a:b@c", "- name: TOKEN\n  value: x1y2z3a4b5\n", "cGFzc3dvcmQ9aHVudGVyMjM0NTY3OA==",
	} {
		f.Add(seed)
	}
	r := redact.New()
	f.Fuzz(func(t *testing.T, s string) { checkText(t, r, s) })
}

type failer interface{ Fatalf(string, ...any) }

// checkText holds what must be true of any text: findings are in order, apart
// and inside, they say exactly what was changed, and nothing is left to find.
func checkText(t failer, r *redact.Redactor, s string) {
	got, findings := r.Text(s)
	var b strings.Builder
	at := 0
	for _, f := range findings {
		if f.Start < at || f.End <= f.Start || f.End > len(s) {
			t.Fatalf("finding %+v in %q", f, s)
		}
		b.WriteString(s[at:f.Start] + "[REDACTED:" + f.Rule + "]")
		at = f.End
	}
	if b.WriteString(s[at:]); b.String() != got {
		t.Fatalf("findings %+v of %q do not lead to %q", findings, s, got)
	}
	if again, more := r.Text(got); again != got || len(more) != 0 {
		t.Fatalf("not idempotent:\n%q\n%q\n%q", s, got, again)
	}
	if twice, _ := r.Text(s); twice != got {
		t.Fatalf("not deterministic: %q", s)
	}
}

func FuzzRecordIsTotalAndIdempotent(f *testing.F) {
	f.Add(`{"password":"hunter2x","a":["--token","x"]}`, "used hunter2x", "hunter2x")
	f.Add(`"{\"a\":1"`, "kind: Secret\nstringData:\n  x: y", "[REDACTED:x]")
	f.Add(`{"data":{"a":1},"type":"Opaque","":{"":[[]]}}`, `{"secret":{"a":"b"}}`, "password=1")
	r := redact.New()
	f.Fuzz(func(t *testing.T, parameters, output, name string) {
		in := record(parameters)
		in.Output, in.Error, in.TargetResourceName = output, name+output, name
		checkRecord(t, r, in.Normalise())
	})
}

// pieces are what hostile texts are made of.
var pieces = rapid.SampledFrom([]string{
	"password", "token", "DB_PASSWORD", "secret", "api key", "value", "kind: Secret", "data:", "stringData:", "name", "--password", "Authorization",
	"=", ":", ": ", " ", "\n", "\n  ", `"`, `\"`, `\\\"`, "'", ",", "{", "}", "[", "]", "<", ">", "|", "%3D", `\u0041`, "\x1b[1m", "://", "@", "\xff", "é",
	"hunter2xyz", "aHVudGVyMnh5eg==", "abc123DEF456", "[REDACTED:", "[REDACTED:token]", "Bearer ", "eyJhbGciOiJ9", ".", "AKIA" + "Z7Q4N2M8K1P5R9T3", "x", "-----BEGIN PRIVATE " + "KEY-----", "-----END",
	"user=", "User ID=", "pwd=", ";", "-user ", "?a=", "+", "&", `\n`, `\u000a`, "%0A", "%20", "postgres", "svc", "login(", "correct horse battery",
})

func hostile(t *rapid.T, label string) string {
	return strings.Join(rapid.SliceOfN(pieces, 0, 25).Draw(t, label), "")
}

func TestTextsMadeOfPieces(t *testing.T) {
	t.Parallel()
	r := redact.New()
	rapid.Check(t, func(t *rapid.T) { checkText(t, r, hostile(t, "text")) })
}

func TestRecordsMadeOfPieces(t *testing.T) {
	t.Parallel()
	r := redact.New()
	rapid.Check(t, func(t *rapid.T) {
		value, err := json.Marshal(map[string]any{hostile(t, "key"): hostile(t, "value"), hostile(t, "key 2"): []any{hostile(t, "a"), hostile(t, "b"), 12345678901}})
		if err != nil {
			t.Fatalf("%v", err)
		}
		in := record(string(value))
		in.Output, in.TargetResourceName = hostile(t, "output"), hostile(t, "name")
		checkRecord(t, r, in.Normalise())
	})
}
