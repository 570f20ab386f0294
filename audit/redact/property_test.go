package redact_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/auditflow/auditflow/audit/redact"
)

// policies draws options that a policy could hold, of pieces that hostile texts
// are made of, too.
func policies(t *rapid.T) redact.Options {
	some := func(label string, from ...string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, 2, rapid.ID[string]).Draw(t, label)
	}
	o := redact.Options{
		Off:    some("off", "password", "token", "secret", "kubernetes-secret", "url-password", "jwt"),
		Fields: map[string]redact.Class{},
		Keyed:  rapid.Bool().Draw(t, "keyed"),
		Token:  hash("k1"),
	}
	for _, f := range some("secret fields", "output", "error", "action_parameters", "target_resource_name", "action_type") {
		o.Fields[f] = redact.Secret
	}
	for _, f := range some("public fields", "target_resource_name", "action_type") {
		o.Fields[f] = redact.Public
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "rules") {
		o.Rules = append(o.Rules, redact.Rule{
			Name:    []string{"acme", "redacted-token"}[i],
			Keys:    append(some("keys", "name", "value", "token", "db_password", "redacted", "data"), "x1"),
			Paths:   some("paths", "action_parameters.*", "action_parameters.**.name", "action_parameters.password.**.0", "action_parameters.[REDACTED"),
			Actions: some("actions", "scale*", "*token*", "*x", "*]"),
			Pattern: rapid.SampledFrom([]string{"", "hunter[0-9a-z]+", "(?i)token.", "redacted:(.)", "[a-z]+]"}).Draw(t, "pattern"),
		})
		if r := &o.Rules[i]; r.Pattern != "" {
			r.Keywords = []string{"hunter", "token", "redacted"}
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "allowances") {
		o.Allow = append(o.Allow, rapid.SampledFrom([]redact.Allowance{
			{Value: "hunter2xyz", Reason: "r"}, {Value: "abc123DEF456", Rule: "token", Reason: "r"}, {Pattern: "hunter2x.*|x", Reason: "r"},
			{Rule: "password", Path: "action_parameters.password", Reason: "r"}, {Rule: "token", Path: "action_parameters.*.0", Reason: "r"},
			{Value: "[REDACTED:token]", Reason: "r"}, {Value: "x", Path: "output", Reason: "r"},
		}).Draw(t, "allowance"))
	}
	return o
}

// somePolicies are made once, for a redactor costs more than a hundred records.
var somePolicies = sync.OnceValue(func() (pool []*redact.Redactor) {
	for seed := range 40 {
		o := rapid.Custom(policies).Example(seed)
		r, err := redact.NewWith(o)
		if err != nil {
			panic(err)
		}
		pool = append(pool, r)
	}
	return pool
})

// TestRecordsUnderAnyPolicy: whatever a policy says, redaction stays total,
// deterministic and idempotent, and what comes out is normalised.
func TestRecordsUnderAnyPolicy(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.SampledFrom(somePolicies()).Draw(t, "policy")
		value, err := json.Marshal(map[string]any{
			hostile(t, "key"): hostile(t, "value"), "password": []any{hostile(t, "a"), hostile(t, "b"), 12345678901},
			"name": hostile(t, "c"), "value": map[string]any{hostile(t, "key 2"): hostile(t, "d")},
		})
		if err != nil {
			t.Fatalf("%v", err)
		}
		in := record(string(value))
		in.Output, in.TargetResourceName, in.ActionType = hostile(t, "output"), hostile(t, "name"), "scale"+hostile(t, "action")
		checkRecord(t, r, in.Normalise())
		text := hostile(t, "text")
		got, _ := r.Text(text)
		if again, more := r.Text(got); again != got || len(more) > 0 {
			t.Fatalf("not idempotent:\n%q\n%q\n%q", text, got, again)
		}
	})
}

// TestAPolicyMasksNoLessThanItSays: of a secret of which neither a rule that is
// off nor an allowance speaks, nothing is left.
func TestAPolicyMasksNoLessThanItSays(t *testing.T) {
	t.Parallel()
	for seed := range 20 {
		o := rapid.Custom(policies).Example(seed)
		o.Off = nil
		r := with(t, o)
		in := record(`{"deep":{"x":["--pass` + `word","canary7Q2m9Z"]},"other":"` + strings.ReplaceAll(mixed40, `"`, "") + `"}`)
		in.Output, in.TargetResourceName = "then canary7Q2m9Z", "canary7Q2m9Z"
		if got := wire(r.Record(in)); strings.Contains(got, "canary7Q2m9Z") {
			t.Errorf("survives %+v: %s", o, got)
		}
	}
}

func BenchmarkTextUnderAPolicy(b *testing.B) {
	text := strings.ReplaceAll(logText(1_500_000), "replicas=5", "DB_"+"PASSWORD=hunter2")
	for _, tc := range []struct {
		name    string
		options redact.Options
	}{
		{"none", redact.Options{}},
		{"one key", redact.Options{Rules: []redact.Rule{{Name: "acme", Keys: []string{"acme_code"}}}}},
		{"100 allowances", redact.Options{Allow: many()}},
		{"tokens", redact.Options{Keyed: true, Token: hash("k1")}},
	} {
		b.Run(tc.name, func(b *testing.B) {
			r := with(b, tc.options)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				r.Text(text)
			}
		})
	}
}

func many() (list []redact.Allowance) {
	for i := range 100 {
		list = append(list, redact.Allowance{Value: "demo-" + strings.Repeat("x", i+1), Reason: "a benchmark"})
	}
	return list
}
