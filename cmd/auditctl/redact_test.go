package main

import (
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
)

// Samples are put together here, so that nobody takes them for secrets that were
// checked in.
var (
	aPassword = "hunter2" + "-Zq7"
	aToken    = "ghp_" + strings.Repeat("x9Kd", 9)
	aLog      = "connecting as shop\r\nDB_" + "PASSWORD=" + aPassword + " retries=3\n" +
		"größer: Authorization: " + "Bearer " + aToken + " sent\ndone\n"
	aRedactedLog = "connecting as shop\r\nDB_PASSWORD=[REDACTED:password] retries=3\n" +
		"größer: Authorization: Bearer [REDACTED:github-token] sent\ndone\n"
)

func TestATextComesOutAsItWasButForItsSecrets(t *testing.T) {
	t.Parallel()
	want, found := redact.New().Text(aLog)
	if len(found) != 2 || want == aLog {
		t.Fatalf("the sample shows nothing: %q", want)
	}
	for what, tc := range map[string]struct {
		environment
		text, want string
	}{
		"a log":                  {environment{}, aLog, want},
		"nothing":                {environment{}, "", ""},
		"nothing secret":         {environment{}, "no line end", "no line end"},
		"bytes of no encoding":   {environment{}, "\xff\x00\x1b[2J", "\xff\x00\x1b[2J"},
		"what a terminal obeys":  {environment{person: true}, "\x1b[2Jx\n\ty\u202e", "\\x1b[2Jx\n\ty\\u202e"},
		"on a terminal, a log":   {environment{person: true}, strings.ReplaceAll(aLog, "\r", ""), strings.ReplaceAll(want, "\r", "")},
		"what is redacted stays": {environment{}, want, want},
	} {
		if got := fine(t, tc.fed(t, tc.text, "redact")); got != tc.want {
			t.Errorf("%s: got %q, want %q", what, got, tc.want)
		}
	}
}

// endless is text that does not end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a'
	}
	return len(b), nil
}

func TestATextThatIsTooLongIsRefusedWhole(t *testing.T) {
	t.Parallel()
	for _, mode := range [][]string{nil, {"--explain"}, {"--record"}} {
		var out strings.Builder
		var told strings.Builder
		p := environment{}.program()
		p.stdin, p.stdout, p.stderr = endless{}, &out, &told
		if code := p.run(t.Context(), append([]string{"redact"}, mode...)); code != exitUsage || out.Len() > 0 {
			t.Errorf("%v: exit code %d, %d bytes written", mode, code, out.Len())
		}
		contains(t, "stderr", told.String(), "more than 64 MiB (67,108,864 bytes)", "--jsonl")
	}
}

func TestAnInterruptEndsTheWaitForInput(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"redact", "redact --jsonl", "redact --record", "redact score -", "keyset inspect", "keyset rotate"} {
		silent, _ := io.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p := environment{}.program()
		p.stdin, p.stdout, p.stderr = silent, io.Discard, io.Discard
		if code := p.run(ctx, strings.Fields(args)); code != exitInterrupted {
			t.Errorf("%s: exit code %d", args, code)
		}
	}
}

// observed is a record as a door sees it, with secrets in it.
func observed() audit.Record {
	r := succeeded("a", 5)
	r.RecordSHA256 = ""
	r.ActionParameters = json.RawMessage(`{"env":[{"name":"DB_` + `PASSWORD","value":"` + aPassword + `"}],"replicas":3}`)
	r.Output = "logged in with " + aPassword + "\n"
	return r
}

func TestARecordIsRedactedAsAWorkerDoesIt(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(stored(observed())) // as show tells it
	must(t, err)
	answer := fine(t, environment{}.fed(t, string(text), "redact", "--record"))
	if strings.Contains(answer, aPassword) || !strings.Contains(answer, "\n  \"id\": ") {
		t.Errorf("a secret in it, or not indented:\n%s", answer)
	}
	var got audit.Record
	must(t, json.Unmarshal([]byte(answer), &got))
	want := redact.New().Record(observed().Normalise()).Normalise()
	if string(audit.CanonicalJSON(got.Redactions)) != string(audit.CanonicalJSON(want.Redactions)) || len(got.Redactions) < 2 {
		t.Errorf("redactions %+v, want %+v", got.Redactions, want.Redactions)
	}
	got = got.Normalise()
	if got.RecordSHA256 != got.Digest() || got.Policy != redact.New().Version() || got.Output != "logged in with [REDACTED:password]\n" {
		t.Errorf("digest %s, policy %s, output %q", got.RecordSHA256, got.Policy, got.Output)
	}
	if again := fine(t, environment{}.fed(t, answer, "redact", "--record")); again != answer {
		t.Errorf("redacting twice makes another record:\n%s", again)
	}
	explained := fine(t, environment{}.fed(t, string(text), "redact", "--record", "--explain"))
	contains(t, "explanation", explained, "action_parameters.env.0", "output", "password", "2 places masked (policy "+redact.New().Version())
}

func TestWhatIsNoRecordIsRefusedWithoutQuotingIt(t *testing.T) {
	t.Parallel()
	for text, told := range map[string]string{
		"":                                "ends too early",
		`{"output":"` + aToken:            "ends too early",
		aToken:                            "is not JSON from byte",
		`{"output":["` + aToken + `"]}`:   `the field "output" has another type`,
		`{"` + aToken + `":1}`:            `unknown field`,
		`{"created_at":"` + aToken + `"}`: "a value is not one of its field",
		`{} {"output":"` + aToken + `"}`:  "more than one audit record",
		`[]`:                              "has another type",
	} {
		o := environment{}.fed(t, text, "redact", "--record")
		if o.code != exitUsage || o.stdout != "" || strings.Contains(o.stderr, aToken[:12]) {
			t.Errorf("%s: %+v", text, o)
		}
		contains(t, text, o.stderr, told)
	}
}

func TestFlagsOfRedactThatMeanNothingTogetherAreRefused(t *testing.T) {
	t.Parallel()
	for args, told := range map[string]string{
		"--jsonl --record":                 "none of the others can be",
		"--jsonl --explain":                "none of the others can be",
		"-o json":                          "-o is for --explain",
		"--jsonl -o json":                  "-o is for --explain",
		"--token-keyset x":                 "there is no --policy",
		"--policy /nowhere/policy.yaml":    "no such file",
		"job.log":                          "unknown command",
		"score":                            "accepts 1 arg(s), received 0",
		"score /nowhere/corpus.jsonl":      "no such file",
		"score /nowhere/corpus.jsonl -o x": "want one of",
	} {
		o := environment{}.fed(t, aLog, append([]string{"redact"}, strings.Fields(args)...)...)
		if o.code != exitUsage || o.stdout != "" {
			t.Errorf("%s: %+v", args, o)
		}
		contains(t, "redact "+args, o.stderr, told)
	}
}

func TestAPolicyIsTriedBeforeItIsRolledOut(t *testing.T) {
	t.Parallel()
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	must(t, writeFile(policy, "version: 1\nrules:\n- {name: door-code, keys: [door_code]}\n"))
	const text = "doorCode=4711\n"
	if got := fine(t, environment{}.fed(t, text, "redact", "--policy", policy)); got != "doorCode=[REDACTED:door-code]\n" {
		t.Errorf("got %q", got)
	}
	contains(t, "explanation", fine(t, environment{}.fed(t, text, "redact", "--policy", policy, "--explain")),
		"1:10", "door-code", "a rule of the policy", "doorCode=[REDACTED:door-code]", "(offsets and lengths in bytes; policy policy-")

	must(t, writeFile(policy, "version: 1\noff: [everything]\nrules: x\n"))
	o := environment{}.fed(t, text, "redact", "--policy", policy)
	if o.code != exitUsage || o.stdout != "" {
		t.Errorf("%+v", o)
	}
	contains(t, "stderr", o.stderr, policy, "line 2: off[0]", "line 3: rules")
}

func TestTokensTakeTheirKeyAndTryingAPolicyDoesNot(t *testing.T) {
	t.Parallel()
	policy, plain := filepath.Join(t.TempDir(), "keyed.yaml"), filepath.Join(t.TempDir(), "plain.yaml")
	must(t, writeFile(policy, "version: 1\ntokens: keyed\n"))
	must(t, writeFile(plain, "version: 1\n"))
	keys := newKeyset(t, "--tokens")
	log := "PASS" + "WORD=" + aPassword + "\nX_PASS" + "WORD=" + aPassword + "\nY_PASS" + "WORD=" + aPassword + "2\n"
	mask := regexp.MustCompile(`\[REDACTED:password:([0-9a-f]{12})\]`)

	named := mask.FindAllStringSubmatch(fine(t, environment{}.fed(t, log, "redact", "--policy", policy, "--token-keyset", keys)), -1)
	if len(named) != 3 || named[0][1] != named[1][1] || named[0][1] == named[2][1] {
		t.Errorf("tokens %v: want the same for the same secret, another one for another", named)
	}
	o := environment{}.fed(t, log, "redact", "--policy", policy)
	if got := fine(t, o); strings.Count(got, "[REDACTED:password]") != 3 {
		t.Errorf("without the key: %s", got)
	}
	contains(t, "stderr", o.stderr, "without --token-keyset masks have no tokens")
	for what, tc := range map[string]struct{ policy, keys, told string }{
		"a keyset for envelopes":     {policy, newKeyset(t), "its keys are not for tokens"},
		"a policy without tokens":    {plain, keys, "does not have tokens: keyed"},
		"a keyset that is not there": {policy, "/nowhere/tokens.json", "no such file"},
	} {
		o := environment{}.fed(t, log, "redact", "--policy", tc.policy, "--token-keyset", tc.keys)
		if o.code != exitUsage || o.stdout != "" {
			t.Errorf("%s: %+v", what, o)
		}
		contains(t, what, o.stderr, tc.told)
	}

	v := newTransit(t)
	encrypted := newKeyset(t, append([]string{"--tokens"}, v.flags...)...)
	args := append([]string{"redact", "--policy", policy, "--token-keyset", encrypted}, v.flags...)
	if got := fine(t, environment{}.fed(t, log, args...)); !mask.MatchString(got) {
		t.Errorf("with a keyset that a KMS encrypts: %s", got)
	}
	v.down.Store(true)
	if o := (environment{}).fed(t, log, args...); o.code != exitFailed || o.stdout != "" {
		t.Errorf("the KMS refuses: %+v", o)
	}
}
