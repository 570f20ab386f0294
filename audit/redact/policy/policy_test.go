package policy_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/redact/policy"
)

func example(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("../../../deploy/redaction-policy.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func parse(t testing.TB, text string) redact.Options {
	t.Helper()
	options, err := policy.Parse([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return options
}

func redactor(t testing.TB, text string) *redact.Redactor {
	t.Helper()
	r, err := redact.NewWith(parse(t, text))
	if err != nil {
		t.Fatalf("what Parse returns is refused: %v", err)
	}
	return r
}

func TestTheExampleDoesWhatItsCommentsSay(t *testing.T) {
	t.Parallel()
	r := redactor(t, string(example(t)))
	if v := r.Version(); !strings.HasPrefix(v, "policy-") || !strings.HasSuffix(v, "+"+redact.New().Version()) {
		t.Errorf("version %q", v)
	}
	const help = "login joe password swordfish"
	if got, _ := redact.New().Text(help); got == help {
		t.Fatal("the built-in rules do not mask it: this test shows nothing")
	}
	for _, tc := range []struct{ name, text, want string }{
		{"a shape", "calling with acme_live_" + "Zk3vT9qLw2Xr7Bn5Mh8Jc1Pd.", "calling with [REDACTED:acme-token]."},
		{"a name in another spelling", "DOOR_CODE=4711", "DOOR_CODE=[REDACTED:door-code]"},
		{"an allowed value", "password=demo-password-1 password=demo-password-2", "password=demo-password-1 password=[REDACTED:password]"},
		{"a rule that is off", help, help},
	} {
		if got, _ := r.Text(tc.text); got != tc.want {
			t.Errorf("%s: %q became %q, want %q", tc.name, tc.text, got, tc.want)
		}
	}
	in := audit.Record{
		ActionType: "payout-weekly", WorkflowRef: "customer-77", TargetResourceKind: "Deployment",
		ActionParameters: []byte(`{"deep":{"er":{"account_number":4711}},"schema":{"password":"string1x"},"transfer":{"first":{"iban":"XX00 1"}}}`),
	}
	got := r.Record(in.Normalise())
	want := `{"deep":{"er":{"account_number":"[REDACTED:bank-account]"}},"schema":{"password":"string1x"},"transfer":{"first":{"iban":"[REDACTED:bank-account]"}}}`
	if string(got.ActionParameters) != want || got.WorkflowRef != "[REDACTED:secret-field]" || got.TargetResourceKind != "Deployment" {
		t.Errorf("got %s, %s, %s", got.ActionParameters, got.WorkflowRef, got.TargetResourceKind)
	}
	in.ActionType = "scale"
	if got := r.Record(in.Normalise()); !strings.Contains(string(got.ActionParameters), "4711") {
		t.Errorf("a rule for payouts was applied to scale: %s", got.ActionParameters)
	}
}

func TestAFaultTellsItsLineAndPlaceAndNeverAValue(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"nothing", "", "is empty"},
		{"only a comment", "# off\n", "is empty"},
		{"not YAML", "version: 1\noff: [", "line 2"},
		{"no version", "off: [cookie]", "line 1: version: want 1"},
		{"a version to come", "version: 2", "line 1: version: want 1"},
		{"a list at the top", "- version: 1", "line 1: want keys and values"},
		{"an unknown key", "version: 1\nrule: []\n", `line 2: there is no key "rule"`},
		{"an unknown key inside", "version: 1\nrules:\n- name: my-rule\n  keys: [abc]\n  regex: hunter2\n", `line 5: rules[0]: there is no key "regex"`},
		{"a key twice", "version: 1\noff: [cookie]\noff: [netrc]\n", `line 3: the key "off" is there twice`},
		{"a rule twice", "version: 1\noff: [cookie, cookie]\n", "line 2: off[1]: is there twice"},
		{"an alias", "version: 1\noff: &a [cookie]\nrules: *a\n", "line 3: rules: aliases are not understood"},
		{"a second document", "version: 1\n---\nversion: 1\n", "a second document"},
		{"a list where a value belongs", "version: 1\ntokens: [keyed]\n", "line 2: tokens: want a single value"},
		{"a value where a list belongs", "version: 1\noff: cookie\n", "line 2: off: want a list"},
		{"an empty value", "version: 1\nallow:\n- value:\n  reason: x\n", "line 3: allow[0].value: is empty"},
		{"tokens on", "version: 1\ntokens: on\n", "line 2: tokens: want keyed or none"},
		{"tokens without a key", "version: 1\ntokens: keyed\n", "line 2: tokens: are keyed, but there is no key"},
		{"a rule that is not there", "version: 1\noff:\n- cookie\n- hunter2\n", "line 4: off[1]: there is no built-in rule of this name"},
		{"fail-closed masking off", "version: 1\noff: [unprocessable]\n", "line 2: off[0]: what cannot be processed is masked, always"},
		{"a name that is taken", "version: 1\nrules:\n- name: password\n  keys: [abc]\n", "line 3: rules[0].name: is the name of another rule"},
		{"a name that does not fit a mask", "version: 1\nrules:\n- name: My Rule\n  keys: [abc]\n", "line 3: rules[0].name: want 2 to 32"},
		{"a rule that masks nothing", "version: 1\nrules:\n- name: my-rule\n", "line 3: rules[0]: has neither pattern nor keys nor paths"},
		{"an expression that is none", "version: 1\nrules:\n- name: my-rule\n  keywords: [abc]\n  pattern: 'abc('\n", "line 5: rules[0].pattern: is not an RE2 expression"},
		{"a look-ahead, which RE2 has not", "version: 1\nrules:\n- name: my-rule\n  keywords: [abc]\n  pattern: 'abc(?=d)'\n", "line 5: rules[0].pattern: is not an RE2 expression"},
		{"an expression for nothing", "version: 1\nrules:\n- name: my-rule\n  keywords: [abc]\n  pattern: 'x*'\n", "line 5: rules[0].pattern: matches nothing at all"},
		{"a pattern without keywords", "version: 1\nrules:\n- name: my-rule\n  pattern: 'abc'\n", "line 3: rules[0].keywords: are required"},
		{"keywords without a pattern", "version: 1\nrules:\n- name: my-rule\n  keys: [abc]\n  keywords: [abc]\n", "line 5: rules[0].keywords: are for a pattern"},
		{"a keyword that is everywhere", "version: 1\nrules:\n- name: my-rule\n  pattern: 'abc'\n  keywords: [abc, b]\n", "line 5: rules[0].keywords[1]: want at least 3 bytes"},
		{"an example that the rule misses", "version: 1\nrules:\n- name: my-rule\n  pattern: 'abc[0-9]+'\n  keywords: [abd]\n  examples: [abc123]\n", "line 6: rules[0].examples[0]: the rule finds nothing"},
		{"a path to elsewhere", "version: 1\nrules:\n- name: my-rule\n  paths: [output]\n", "line 4: rules[0].paths[0]: want action_parameters."},
		{"an action that is all", "version: 1\nrules:\n- name: my-rule\n  keys: [abc]\n  actions: ['*']\n", "line 5: rules[0].actions[0]: want an action type"},
		{"an allowance without reason", "version: 1\nallow:\n- value: hunter2\n", "line 3: allow[0].reason: is required"},
		{"an allowance for all", "version: 1\nallow:\n- reason: x\n", "line 3: allow[0]: says too little"},
		{"an allowance for a whole field", "version: 1\nallow:\n- {rule: password, path: output, reason: x}\n", "line 3: allow[0].path: is a whole text"},
		{"an allowance for a whole tree", "version: 1\nallow:\n- {rule: password, path: action_parameters.x.*, reason: x}\n", "line 3: allow[0].path: must not contain"},
		{"an allowance for any value", "version: 1\nallow:\n- {pattern: '.+', reason: x}\n", "line 3: allow[0].pattern: is too wide"},
		{"an allowance for any password", "version: 1\nallow:\n- {pattern: '[a-z]+\\d*', reason: x}\n", "line 3: allow[0].pattern: is too wide"},
		{"an allowance for any token", "version: 1\nallow:\n- {pattern: '[A-Za-z0-9]{32,}', reason: x}\n", "line 3: allow[0].pattern: is too wide"},
		{"an allowance of fail-closed masking", "version: 1\nallow:\n- {rule: unprocessable, value: hunter2, reason: x}\n", "line 3: allow[0].rule: there is no rule"},
		{"a field that is not there", "version: 1\nfields:\n  target_resource_kind: public\n  hunter2: public\n", "line 4: fields.hunter2: there is no such field"},
		{"an identity that is secret", "version: 1\nfields:\n  execution_uid: secret\n", "line 3: fields.execution_uid: there is no such field"},
		{"a class that is none", "version: 1\nfields:\n  output: hidden\n", "line 3: fields.output: want public, sensitive or secret"},
		{"output that is public", "version: 1\nfields:\n  output: public\n", "line 3: fields.output: holds what anybody prints"},
		{"too much", "version: 1\n#" + strings.Repeat("x", policy.MaxSize), "larger than"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			options, err := policy.Parse([]byte(tc.text), nil)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if strings.HasPrefix(tc.want, "line") && strings.Count(err.Error(), "line ") != 1 {
				t.Errorf("one fault is told of more than once: %v", err)
			}
			if strings.Contains(tc.text, ": hunter2") && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error quotes a value: %v", err)
			}
			if len(options.Off)+len(options.Rules)+len(options.Allow) > 0 {
				t.Errorf("a faulty policy comes back in part: %+v", options)
			}
		})
	}
}

func TestAllFaultsComeBackTogetherInTheOrderOfTheFile(t *testing.T) {
	t.Parallel()
	_, err := policy.Parse([]byte("version: 1\noff: [nothing]\nrule: x\nfields: {output: public}\nallow:\n- value: x\n- {reason: x}\n"), nil)
	if err == nil {
		t.Fatal("taken")
	}
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if at, _, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(at, "line ") {
			lines = append(lines, at)
		}
	}
	if got, want := strings.Join(lines, ", "), "line 2, line 3, line 4, line 6, line 7"; got != want {
		t.Errorf("got %s, want %s:\n%v", got, want, err)
	}
}

func TestTheVersionIsThatOfWhatAPolicySays(t *testing.T) {
	t.Parallel()
	const base = "version: 1\noff: [cookie, netrc]\nrules:\n- {name: rule-a, keys: [abc, bcd]}\n- {name: rule-b, keys: [cde]}\nfields: {phase: public}\n"
	version := func(text string) string { return redactor(t, text).Version() }
	same := map[string]string{
		"comments and order":     "# ours\nfields: {phase: public, output: sensitive}\nrules:\n- {name: rule-b, keys: [cde]}\n- {keys: [bcd, abc], name: rule-a}\noff: [netrc, cookie]\nversion: 1\n",
		"tokens: none":           base + "tokens: none\n",
		"examples are no rules":  strings.Replace(base, "keys: [cde]", "keys: [cde], examples: ['cde=1']", 1),
		"lists that say nothing": base + "allow: []\n",
	}
	for name, text := range same {
		if version(text) != version(base) {
			t.Errorf("%s: another version", name)
		}
	}
	other := map[string]string{
		"a rule less":   strings.Replace(base, "cookie, ", "", 1),
		"another key":   strings.Replace(base, "cde", "cdf", 1),
		"another class": strings.Replace(base, "public", "secret", 1),
		"a reason":      base + "allow: [{value: x1, reason: a}]\n",
		"other reason":  base + "allow: [{value: x1, reason: b}]\n",
	}
	seen := map[string]string{version(base): "base"}
	for name, text := range other {
		if twice := seen[version(text)]; twice != "" {
			t.Errorf("%s: the same version as %s", name, twice)
		}
		seen[version(text)] = name
	}
	if v := version("version: 1\n"); v != redact.New().Version() {
		t.Errorf("a policy that says nothing is %s", v)
	}
	keyed, err := policy.Parse([]byte(base+"tokens: keyed\n"), func([]byte) ([]byte, error) { return make([]byte, 32), nil })
	if err != nil || !keyed.Keyed || keyed.Token == nil {
		t.Errorf("keyed: %+v, %v", keyed, err)
	}
}

func FuzzParseIsTotalAndWhatItTakesCanBeUsed(f *testing.F) {
	f.Add(string(example(f)))
	for _, seed := range []string{
		"", "version: 1", "version: 1\nrules: [{name: ab, pattern: 'a(b', keywords: [abc]}]", "a: &a [*a]", "version: 1\nallow: [{value: x, reason: y}]",
		"? [a]\n: b", "version: !!binary aGk=", "%YAML 1.1\n---\nversion: 1", "{version: 1, version: 1}", "version: 1\nfields: {a.b[0]: public}", "\xff\xfe", "<<: {version: 1}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		options, err := policy.Parse([]byte(text), nil)
		if err != nil {
			return
		}
		if faults := options.Faults(); len(faults) > 0 {
			t.Fatalf("taken in spite of %v", faults)
		}
		r, err := redact.NewWith(options)
		if err != nil {
			t.Fatalf("taken, but cannot be used: %v", err)
		}
		if got, _ := r.Text("DB_" + "PASSWORD=hunter2zz"); strings.Contains(got, "hunter2zz") && len(options.Off)+len(options.Allow) == 0 {
			t.Fatalf("a policy that turns nothing off lets %q through", got)
		}
	})
}

// TestTheDocumentationNamesEveryKey, and every key it names is known: each is
// tried with a value that no key accepts.
func TestTheDocumentationNamesEveryKey(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/redaction.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{"## Policy": "%s: {a: {}}", "### A rule of your own": "rules: [{%s: {a: {}}}]", "### The allow list": "allow: [{%s: {a: {}}}]"}
	keys := 0
	for title, form := range sections {
		_, section, ok := strings.Cut(string(page), "\n"+title+"\n")
		if !ok {
			t.Fatalf("no section %s", title)
		}
		section, _, _ = strings.Cut(section, "\n##")
		for line := range strings.Lines(section) {
			key, isKey := strings.CutPrefix(line, "| `")
			if !isKey {
				continue
			}
			key, _, _ = strings.Cut(key, "`")
			keys++
			_, err := policy.Parse([]byte("version: 1\n"+strings.Replace(form, "%s", key, 1)), nil)
			if err == nil || strings.Contains(err.Error(), "there is no key") {
				t.Errorf("%s: %s is documented, but %v", title, key, err)
			}
		}
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[redact.Options](), reflect.TypeFor[redact.Rule](), reflect.TypeFor[redact.Allowance]()} {
		for i := range typ.NumField() {
			tag, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if tag == "keyed" {
				tag = "tokens"
			}
			if tag != "-" && !strings.Contains(string(page), "| `"+tag+"` |") {
				t.Errorf("%s of %s is not documented", tag, typ.Name())
			}
		}
	}
	_, section, _ := strings.Cut(string(page), "\nFields have their JSON names: ")
	section, _, _ = strings.Cut(section, ". Identity")
	for i, name := range strings.Split(section, "`") {
		if i%2 == 0 {
			continue
		}
		if _, err := policy.Parse([]byte("version: 1\nfields: {"+name+": secret}"), nil); err != nil {
			t.Errorf("%s is documented as a field, but %v", name, err)
		}
	}
	if n := strings.Count(section, "`") / 2; n != 16 {
		t.Errorf("%d fields are documented", n)
	}
	if keys != 6+7+5 {
		t.Errorf("%d keys are documented", keys)
	}
}
