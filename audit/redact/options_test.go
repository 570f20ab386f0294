package redact_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
)

func with(t testing.TB, o redact.Options) *redact.Redactor {
	t.Helper()
	r, err := redact.NewWith(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOptionsThatSayNothingAreTheBuiltInPolicy(t *testing.T) {
	t.Parallel()
	for _, o := range []redact.Options{{}, {Off: []string{}, Fields: map[string]redact.Class{"output": redact.Sensitive}}} {
		if r := with(t, o); r != redact.New() {
			t.Errorf("%+v: another redactor, version %s", o, r.Version())
		}
	}
	for _, name := range redact.BuiltinRules() {
		if name == "unprocessable" || name == "" {
			t.Errorf("rule %q can be turned off", name)
		}
	}
	if _, err := redact.NewWith(redact.Options{Off: []string{"unprocessable", "nothing"}}); err == nil || strings.Count(err.Error(), "off[") != 2 {
		t.Errorf("got %v, want both faults", err)
	}
}

func TestCustomRules(t *testing.T) {
	t.Parallel()
	const m = "[REDACTED:acme]"
	keys := redact.Rule{Name: "acme", Keys: []string{"acme_code"}}
	path := func(p string) redact.Rule { return redact.Rule{Name: "acme", Paths: []string{p}} }
	shape := redact.Rule{Name: "acme", Pattern: `\bacme:([a-z]{3,})`, Keywords: []string{"ACME:"}}
	long := strings.Repeat("n", 90)
	deep := strings.Repeat(`{"`+strings.Repeat("d", 60)+`":`, 5)
	tests := []struct {
		name string
		rule redact.Rule
		in   string
		want string
	}{
		{"a name", keys, `{"acme_code":"v","x":"v1"}`, `{"acme_code":"` + m + `","x":"v1"}`},
		{"its other spellings", keys, `{"ACME-CODE":"a","acmeCode":"b","my.acme.code[]":"c"}`, `{"ACME-CODE":"` + m + `","acmeCode":"` + m + `","my.acme.code[]":"` + m + `"}`},
		{"a name that ends in a figure", redact.Rule{Name: "acme", Keys: []string{"Line2"}}, `{"LINE2":"v","line3":"w"}`, `{"LINE2":"` + m + `","line3":"w"}`},
		{"but no other name", keys, `{"acme_codes":"a","acmecode":"b","code":"c"}`, ``},
		{"all below the name", keys, `{"acme_code":{"a":["b",{"c":12}],"d":true,"e":null,"f":""}}`, `{"acme_code":{"a":["` + m + `",{"c":"` + m + `"}],"d":true,"e":null,"f":""}}`},
		{"even what looks like a place or a word", keys, `[{"acme_code":"/etc/acme"},{"acme_code":"required"}]`, `[{"acme_code":"` + m + `"},{"acme_code":"` + m + `"}]`},
		{"but no variable", keys, `[{"acme_code":"${CODE}"},{"acme_code":"{{ .code }}"},{"acme_code":"${CODE:-v}"}]`, `[{"acme_code":"${CODE}"},{"acme_code":"{{ .code }}"},{"acme_code":"` + m + `"}]`},
		{"and so in text", keys, `"acme_code: /etc/acme acme_code: required, acme_code=${CODE} acme_code=\"open sesame\""`, `"acme_code: ` + m + ` acme_code: ` + m + `, acme_code=${CODE} acme_code=\"` + m + `\""`},
		{"name and value", keys, `[{"name":"ACME_CODE","value":"v"}]`, `[{"name":"ACME_CODE","value":"` + m + `"}]`},
		{"a flag and the next argument", keys, `["--acme-code","v","--level","w"]`, `["--acme-code","` + m + `","--level","w"]`},
		{"name=value in text", keys, `"run ACME_CODE=vvv acmeCode: www"`, `"run ACME_CODE=` + m + ` acmeCode: ` + m + `"`},
		{"JSON in text", keys, `{"t":"{\"acme_code\":\"vvv\"}"}`, `{"t":"{\"acme_code\":\"` + m + `\"}"}`},
		{"a shape, its first group", shape, `"see acme:secretly and ACME: x"`, `"see acme:` + m + ` and ACME: x"`},
		{"a path", path("action_parameters.a.b"), `{"a":{"b":"v","c":"w"},"b":"x"}`, `{"a":{"b":"` + m + `","c":"w"},"b":"x"}`},
		{"a path through a list", path("action_parameters.*.b"), `[{"b":"v","c":"w"}]`, `[{"b":"` + m + `","c":"w"}]`},
		{"a path to an index", path("action_parameters.a.1"), `{"a":["u","v"]}`, `{"a":["u","` + m + `"]}`},
		{"a path of any depth", path("action_parameters.**.b"), `{"b":"u","x":{"y":{"b":"v"}}}`, `{"b":"` + m + `","x":{"y":{"b":"` + m + `"}}}`},
		{"any depth, then on", path("action_parameters.**.b.c"), `{"b":{"b":{"c":"v"}},"c":"w"}`, `{"b":{"b":{"c":"` + m + `"}},"c":"w"}`},
		{"a path through JSON in a string", path("action_parameters.t.b"), `{"t":"{\"b\": \"v\"}"}`, `{"t":"{\"b\":\"` + m + `\"}"}`},
		{"a path through names too long to be written down", path("action_parameters." + long + ".b"), `{"` + long + `":{"b":"v"}}`, `{"` + long + `":{"b":"` + m + `"}}`},
		{"a path longer than what is written down", path("action_parameters.**.b"), deep + `{"b":"v"}` + strings.Repeat("}", 5), deep + `{"b":"` + m + `"}` + strings.Repeat("}", 5)},
		{"a path with an end of its own", path("action_parameters.a"), `{"a":{"b":"v"}}`, `{"a":{"b":"` + m + `"}}`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r, in := with(t, redact.Options{Rules: []redact.Rule{tc.rule}}), record(tc.in)
			want := tc.want
			if want == "" {
				want = string(in.ActionParameters)
			}
			if got := r.Record(in); string(got.ActionParameters) != want {
				t.Errorf("got  %s\nwant %s", got.ActionParameters, want)
			}
			checkRecord(t, r, in)
		})
	}
}

func TestARuleForSomeActions(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, action string
		applies         bool
	}{
		{"payout", "payout", true}, {"payout", "payout-x", false}, {"payout-*", "payout-x", true}, {"payout-*", "payout", false},
		{"*-payout", "a-payout", true}, {"a*b*c", "aXbYc", true}, {"a*b*c", "acb", false}, {"ab*ba", "aba", false},
	} {
		rule := redact.Rule{Name: "acme", Keys: []string{"code"}, Paths: []string{"action_parameters.p"}, Pattern: "zzz[0-9]+", Keywords: []string{"zzz"}, Actions: []string{tc.pattern}}
		in := record(`{"code":"c0de","p":"path"}`)
		in.ActionType, in.Output = tc.action, "zzz123"
		got := with(t, redact.Options{Rules: []redact.Rule{rule}}).Record(in)
		if n := strings.Count(wire(got), "[REDACTED:acme]"); n != 0 && n != 3 || (n == 3) != tc.applies {
			t.Errorf("%s for %s: %d of 3 masked", tc.pattern, tc.action, n)
		}
	}
	rule := redact.Rule{Name: "acme", Pattern: "zzz[0-9]+", Keywords: []string{"zzz"}, Actions: []string{"payout"}}
	if got, _ := with(t, redact.Options{Rules: []redact.Rule{rule}}).Text("zzz123"); got != "[REDACTED:acme]" {
		t.Errorf("text of no record: %q", got)
	}
}

func TestWhatIsAllowedStaysAndNothingElse(t *testing.T) {
	t.Parallel()
	const p, why = "[REDACTED:password]", "a test"
	tests := []struct {
		name  string
		allow redact.Allowance
		in    string
		want  string
	}{
		{"a value", redact.Allowance{Value: "demo1"}, `{"password":"demo1"}`, `{"password":"demo1"}`},
		{"not one that begins with it", redact.Allowance{Value: "demo1"}, `{"password":"demo12"}`, `{"password":"` + p + `"}`},
		{"not its neighbours in the same text", redact.Allowance{Value: "demo1"}, `"password=demo1 password=demo2"`, `"password=demo1 password=` + p + `"`},
		{"a value that is a number", redact.Allowance{Value: "4711"}, `{"pin":4711,"pin2":{"pin":4712}}`, `{"pin":4711,"pin2":{"pin":"` + p + `"}}`},
		{"a pattern, for the whole value", redact.Allowance{Pattern: `demo-\d+`}, `"password=demo-12 password=demo-12x"`, `"password=demo-12 password=` + p + `"`},
		{"a value of one rule", redact.Allowance{Value: "abcdef123456", Rule: "token"}, `{"password":"abcdef123457","token":"abcdef123456"}`, `{"password":"` + p + `","token":"abcdef123456"}`},
		{"not what another rule finds", redact.Allowance{Value: "abcdef123456", Rule: "token"}, `{"password":"abcdef123456","token":"abcdef123456"}`, `{"password":"` + p + `","token":"` + p + `"}`},
		{"a place", redact.Allowance{Rule: "password", Path: "action_parameters.schema.password"}, `{"schema":{"password":"string7x"},"x":{"password":"other7x"}}`, `{"schema":{"password":"string7x"},"x":{"password":"` + p + `"}}`},
		{"a place, whatever its index", redact.Allowance{Rule: "password", Path: "action_parameters.*.password"}, `[{"password":"string7x"}]`, `[{"password":"string7x"}]`},
		{"not a text at that place in which something is found", redact.Allowance{Rule: "password", Path: "action_parameters.script"}, `{"script":"run --password hunter2x"}`, `{"script":"run --password ` + p + `"}`},
		{"not what is found elsewhere, too", redact.Allowance{Rule: "password", Path: "action_parameters.schema.password"}, `{"a":{"password":"string7x"},"schema":{"password":"string7x"}}`, `{"a":{"password":"` + p + `"},"schema":{"password":"` + p + `"}}`},
		{"not an encoding at that place in which something is found", redact.Allowance{Rule: "password", Path: "action_parameters.script"}, `{"script":"cGFzc3dvcmQ9aHVudGVyMnp6CnBhc3N3b3JkPWh1bnRlcjJ5eQo="}`, `{"script":"` + p + `"}`},
		{"a value of one's own rule", redact.Allowance{Value: "demo1", Rule: "acme"}, `{"acme_code":["demo1","demo2"]}`, `{"acme_code":["demo1","[REDACTED:acme]"]}`},
		{"a value at a place, in its text", redact.Allowance{Value: "demo1", Path: "action_parameters.a"}, `{"a":"password=demo1","b":"password=demo1"}`, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.allow.Reason = why
			r := with(t, redact.Options{Allow: []redact.Allowance{tc.allow}, Rules: []redact.Rule{{Name: "acme", Keys: []string{"acme_code"}}}})
			in := record(tc.in)
			got := r.Record(in)
			want := tc.want
			if want == "" { // demo1 is too short to be looked for elsewhere
				want = `{"a":"password=demo1","b":"password=` + p + `"}`
			}
			if string(got.ActionParameters) != want {
				t.Errorf("got  %s\nwant %s", got.ActionParameters, want)
			}
			checkRecord(t, r, in)
		})
	}
	r := with(t, redact.Options{Allow: []redact.Allowance{{Value: "demo-pass1", Reason: why}}})
	hidden := base64.StdEncoding.EncodeToString([]byte("password=demo-pass1\npassword=hunter2zz\n"))
	if got, _ := r.Text(hidden); got == hidden {
		t.Errorf("an allowed value inside base64 switches off what stands beside it")
	}
}

func TestARuleThatIsOff(t *testing.T) {
	t.Parallel()
	in := record(`{"data":{"x":"hunter2aa"},"kind":"Secret","password":"hunter2bb","token":"abcdef123456"}`)
	for off, stays := range map[string]string{"password": "hunter2bb", "token": "abcdef123456", "kubernetes-secret": "hunter2aa"} {
		got := wire(with(t, redact.Options{Off: []string{off}}).Record(in).ActionParameters)
		for _, value := range []string{"hunter2aa", "hunter2bb", "abcdef123456"} {
			if strings.Contains(got, value) != (value == stays) {
				t.Errorf("%s is off: %s", off, got)
			}
		}
	}
}

func TestFieldClasses(t *testing.T) {
	t.Parallel()
	r := with(t, redact.Options{Fields: map[string]redact.Class{
		"error": redact.Secret, "action_parameters": redact.Secret, "job_name": redact.Public, "workflow_ref": redact.Secret, "job_pod_name": redact.Secret,
	}})
	in := record(`{"a":{"password":"hunter2aa"},"b":"4711-private"}`)
	in.Error, in.Output = "the report said password=hunter2bb to 4712-private", "got hunter2aa and hunter2bb, 4711-private"
	in.JobName, in.WorkflowRef, in.TargetResourceName = "token=abcdef123456-hunter2aa", "customer-7", "token=abcdef123457"
	got := r.Record(in)
	want := audit.Record{
		ActionParameters: json.RawMessage(`"[REDACTED:secret-field]"`), Error: "[REDACTED:secret-field]", WorkflowRef: "[REDACTED:secret-field]",
		Output:  "got [REDACTED:password] and [REDACTED:password], 4711-private",
		JobName: "token=abcdef123456-[REDACTED:password]", TargetResourceName: "token=[REDACTED:token]",
	}
	if string(got.ActionParameters) != string(want.ActionParameters) || got.Error != want.Error || got.WorkflowRef != want.WorkflowRef || got.Output != want.Output ||
		got.JobName != want.JobName || got.TargetResourceName != want.TargetResourceName || got.JobPodName != "" {
		t.Errorf("got %s", wire(got))
	}
	for _, m := range got.Redactions {
		if m.Path == "error" && (m.Rule != "secret-field" || m.Count != 1) {
			t.Errorf("tells what was in a secret field: %+v", m)
		}
	}
	checkRecord(t, r, in)

	in.ActionParameters = json.RawMessage(`{"not JSON`)
	if got := r.Record(in); string(got.ActionParameters) != `"[REDACTED:secret-field]"` {
		t.Errorf("secret parameters that are no JSON: %s", got.ActionParameters)
	}
}

func TestOffAndAllowHoldForEveryWayOfFinding(t *testing.T) {
	t.Parallel()
	random := mixed40 // nothing names it
	encoded := base64.StdEncoding.EncodeToString([]byte("password=hunter2zz and more"))
	for name, tc := range map[string]struct {
		text  string
		allow redact.Allowance
	}{
		"the look of a word": {"saw " + random + " there", redact.Allowance{Value: random, Reason: "a test"}},
		"an encoding":        {"saw " + encoded + " there", redact.Allowance{Value: "hunter2zz", Reason: "a test"}},
	} {
		masked, found := redact.New().Text(tc.text)
		if len(found) == 0 {
			t.Fatalf("%s: nothing is found: this test shows nothing", name)
		}
		if got, _ := with(t, redact.Options{Off: []string{found[0].Rule}}).Text(tc.text); got == masked {
			t.Errorf("%s: %s is off and masks all the same", name, found[0].Rule)
		}
		if got, _ := with(t, redact.Options{Allow: []redact.Allowance{tc.allow}}).Text(tc.text); got != tc.text {
			t.Errorf("%s: what is allowed became %q", name, got)
		}
	}
}
