package redact_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
)

func record(parameters string) audit.Record {
	r := audit.Record{
		ID: audit.ID("prod", "8d7f"), ExecutionID: "scale-web-1", WorkflowRef: "alert-1", ActionType: "scale-deployment",
		CreatedAt: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC), Phase: "Completed", Cluster: "prod",
		ExecutionUID: "8d7f", Source: "KubernetesExecution", Output: "done", ActionParameters: json.RawMessage(parameters),
	}
	return r.Normalise()
}

func wire(v any) string { b, _ := json.Marshal(v); return string(b) }

func TestParametersByName(t *testing.T) {
	t.Parallel()
	const p = "[REDACTED:password]"
	tests := []struct{ name, parameters, want string }{
		{"a password, whatever it is", `{"password":"a"}`, `{"password":"` + p + `"}`},
		{"camel case", `{"dbPassword":"hunter2","apiKey":"abc","clientSecret":"x y"}`, `{"apiKey":"[REDACTED:token]","clientSecret":"` + p + `","dbPassword":"` + p + `"}`},
		{"numbers under a password", `{"password":1234,"pin":99}`, `{"password":"` + p + `","pin":"` + p + `"}`},
		{"booleans and null stay", `{"password":true,"token":null,"automountServiceAccountToken":true}`, ``},
		{"references stay", `{"secretName":"db","secretKeyRef":{"key":"password","name":"db"},"imagePullSecrets":[{"name":"regcred"}]}`, ``},
		{"things about a secret stay", `{"passwordPolicy":"strong","tokenCount":12345678901,"tokenTTL":"3600s"}`, ``},
		{"a subtree of credentials, but not its name", `{"credentials":{"name":"db","p":{"q":["hunter2"]}}}`, `{"credentials":{"name":"db","p":{"q":["[REDACTED:secret]"]}}}`},
		{"the data of a Secret", `{"data":{"n":1,"x":"aHVudGVyMg=="},"kind":"Secret"}`, `{"data":{"n":"[REDACTED:kubernetes-secret]","x":"[REDACTED:kubernetes-secret]"},"kind":"Secret"}`},
		{"the data of something else stays", `{"data":{"color":"blue"},"kind":"ConfigMap"}`, ``},
		{"env lists", `{"env":[{"name":"DB_PASSWORD","value":"hunter2"},{"name":"LEVEL","value":"info"}]}`, `{"env":[{"name":"DB_PASSWORD","value":"` + p + `"},{"name":"LEVEL","value":"info"}]}`},
		{"JSON patches", `{"patch":[{"op":"add","path":"/spec/dbPassword","value":"hunter2"},{"op":"add","path":"/spec/replicas","value":"3"}]}`, `{"patch":[{"op":"add","path":"/spec/dbPassword","value":"` + p + `"},{"op":"add","path":"/spec/replicas","value":"3"}]}`},
		{"flags in lists", `{"args":["--password","hunter2","--token=abcdef123456","--level","info"]}`, `{"args":["--password","` + p + `","--token=[REDACTED:token]","--level","info"]}`},
		{"JSON in a string is written anew", `{"m":"{\"a\": {\"password\": \"hunter2\"}}"}`, `{"m":"{\"a\":{\"password\":\"` + p + `\"}}"}`},
		{"JSON in a string without secrets stays as it is", `{"m":"{ \"a\": 1 }"}`, ``},
		{"what only looks like JSON is masked whole", `{"m":"{\"password\": \"hunter2\", oops"}`, `{"m":"` + p + `"}`},
		{"YAML in a string", `{"m":"kind: Secret\nstringData:\n  a: hunter2\n"}`, `{"m":"kind: Secret\nstringData:\n  a: [REDACTED:kubernetes-secret]\n"}`},
		{"parameters that are one string", `"DB_PASSWORD=hunter2"`, `"DB_PASSWORD=` + p + `"`},
		{"a variable stays", `{"password":"${DB_PASSWORD}"}`, ``},
		{"a variable with a default does not", `{"password":"${DB_PASSWORD:-hunter2}"}`, `{"password":"` + p + `"}`},
		{"text that is not JSON", `{"password":"hunter2`, `"` + p + `"`},
	}
	r := redact.New()
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			in := record(tc.parameters)
			want := tc.want
			if want == "" {
				want = string(in.ActionParameters)
			}
			if got := r.Record(in); string(got.ActionParameters) != want {
				t.Errorf("got  %s\nwant %s", got.ActionParameters, want)
			}
		})
	}
}

func TestPatchesOfASecret(t *testing.T) {
	t.Parallel()
	in := record(`{"patch":[{"op":"add","path":"/data/anything","value":"aHVudGVyMg=="},{"op":"remove","path":"/metadata/labels/x"}]}`)
	in.TargetResourceKind = "Secret"
	want := `{"patch":[{"op":"add","path":"/data/anything","value":"[REDACTED:kubernetes-secret]"},{"op":"remove","path":"/metadata/labels/x"}]}`
	if got := redact.New().Record(in); string(got.ActionParameters) != want {
		t.Errorf("got %s", got.ActionParameters)
	}
}

func TestRedactionsSayRulePathAndCountOnly(t *testing.T) {
	t.Parallel()
	in := record(`{"env":[{"name":"DB_PASSWORD","value":"hunter2x"}]}`)
	in.Output = "used hunter2x and hunter2x, DB_PASSWORD=other1"
	before := wire(in)
	got := redact.New().Record(in)
	want := []audit.Redaction{
		{Rule: "password", Path: "action_parameters.env.0.value", Count: 1},
		{Rule: "password", Path: "output", Count: 3},
	}
	if !reflect.DeepEqual(got.Redactions, want) {
		t.Errorf("got %+v", got.Redactions)
	}
	if got.Output != "used [REDACTED:password] and [REDACTED:password], DB_PASSWORD=[REDACTED:password]" {
		t.Errorf("output %q", got.Output)
	}
	if wire(in) != before {
		t.Error("the input was changed")
	}
	if again := redact.New().Record(got); wire(again) != wire(got) {
		t.Errorf("not idempotent:\n%s\n%s", wire(got), wire(again))
	}
}

func TestNoFormOfASecretSurvivesAnywhere(t *testing.T) {
	t.Parallel()
	const canary = `c4n"ary/Pa55&w<rd`
	quoted := wire(canary)
	forms := map[string]string{
		"plain": canary, "JSON": quoted[1 : len(quoted)-1], "URL": url.QueryEscape(canary), "path": url.PathEscape(canary),
		"base64": base64.StdEncoding.EncodeToString([]byte(canary)), "base64 within": base64.StdEncoding.EncodeToString([]byte("u:" + canary + ":x")),
		"URL base64": base64.URLEncoding.EncodeToString([]byte("x" + canary)),
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := record(`{"password":` + quoted + `,"list":["a ` + "FORM" + `"],"FORM":1}`)
			in.ActionParameters = json.RawMessage(strings.ReplaceAll(string(in.ActionParameters), "FORM", strings.Trim(wire(form), `"`)))
			if form == canary {
				in.ActionParameters = json.RawMessage(`{"list":["a ` + quoted[1:len(quoted)-1] + `"],"password":` + quoted + `,` + quoted + `:1}`)
			}
			for _, f := range []*string{&in.Output, &in.Error, &in.WorkflowRef, &in.ActionType, &in.ExecutionID, &in.ExecutionNamespace,
				&in.TargetNamespace, &in.TargetResourceKind, &in.TargetResourceName, &in.JobName, &in.JobPodName, &in.JobExitReason} {
				*f = "x" + form + "y"
			}
			got := redact.New().Record(in.Normalise())
			core := strings.Trim(form, "=")
			if len(core) > 20 {
				core = core[4 : len(core)-4] // the ends of base64 belong to its neighbours
			}
			out := wire(got)
			for _, c := range []string{core, strings.Trim(wire(core), `"`), "c4n", "Pa55"} {
				if strings.Contains(out, c) {
					t.Errorf("%q survives in %s", c, out)
				}
			}
		})
	}
}

func TestSecretsInNamesAndPaths(t *testing.T) {
	t.Parallel()
	in := record(`{"x":{"hunter2xyz":{"password":"hunter2xyz"}},"token=abcdef0123456":"v"}`)
	got := wire(redact.New().Record(in))
	for _, secret := range []string{"hunter2xyz", "abcdef0123456"} {
		if strings.Contains(got, secret) {
			t.Errorf("%s survives in %s", secret, got)
		}
	}
}

// Programs that log JSON print other lines, too.
func TestWhatFollowsJSONIsKept(t *testing.T) {
	t.Parallel()
	for _, output := range []string{
		"{\"level\":\"info\",\"password\":\"hunter2-hunter2\"}\nrollout done\n",
		"{\"password\":\"hunter2-hunter2\"}\n{\"msg\":\"rollout done\"}\n",
		"{\"password\":\"hunter2-hunter2\"} }\nrollout done",
	} {
		got := redact.New().Record(audit.Record{Output: output}.Normalise()).Output
		if strings.Contains(got, "hunter2") || !strings.Contains(got, "rollout done") {
			t.Errorf("%q became %q", output, got)
		}
	}
}

func TestMasksFitTheirColumns(t *testing.T) {
	t.Parallel()
	in := record(`{}`)
	in.ActionType = strings.Repeat("p", 86) + " --pin=12345"
	in.ExecutionNamespace = strings.Repeat("a.", 120) + " password=1"
	got := redact.New().Record(in.Normalise())
	if normal := got.Normalise(); wire(normal) != wire(got) {
		t.Errorf("a redacted record is not normalised: %s", wire(got))
	}
}

func TestListOfRedactionsIsBounded(t *testing.T) {
	t.Parallel()
	object := map[string]any{}
	for i := range 3000 {
		object["k"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+wire(i)] = map[string]any{"password": i}
	}
	got := redact.New().Record(record(wire(object)))
	if len(got.Redactions) != 1 || got.Redactions[0].Count != 3000 {
		t.Errorf("%d entries", len(got.Redactions))
	}
}

// checkRecord holds what must be true of any normalised record.
func checkRecord(t failer, r *redact.Redactor, in audit.Record) {
	before := wire(in)
	got := r.Record(in)
	if wire(in) != before {
		t.Fatalf("the input was changed")
	}
	if len(got.ActionParameters) > 0 && !json.Valid(got.ActionParameters) {
		t.Fatalf("parameters are not JSON: %s", got.ActionParameters)
	}
	if normal := got.Normalise(); wire(normal) != wire(got) {
		t.Fatalf("not normalised:\n%s\n%s", wire(got), wire(normal))
	}
	if again := r.Record(got); wire(again) != wire(got) {
		t.Fatalf("not idempotent:\nin    %s\nonce  %s\ntwice %s", before, wire(got), wire(again))
	}
	if twice := r.Record(in); wire(twice) != wire(got) {
		t.Fatalf("not deterministic: %s", before)
	}
}

func TestNormalisedReturnsWhatNormalisingAgainDoesNotChange(t *testing.T) {
	t.Parallel()
	for _, r := range []audit.Record{
		{Output: "rollout\x00done", ActionParameters: []byte(`{"b":1, "a":1e2}`)},
		{Output: "password=hunter2-hunter2", TargetResourceName: "password=hunter2-hunter2", ActionParameters: []byte(`{"password":"hunter2-hunter2"}`)},
	} {
		got := redact.New().Normalised(r)
		if again := got.Normalise(); !reflect.DeepEqual(again, got) {
			t.Errorf("got %+v, which becomes %+v", got, again)
		}
	}
}
