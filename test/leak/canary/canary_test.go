package canary

import (
	"slices"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/test/leak"
)

func TestEveryBuiltInRuleHasACanary(t *testing.T) {
	t.Parallel()
	has := map[string]bool{}
	for _, c := range All(1) {
		has[c.Rule] = true
		if len(c.Secrets) == 0 {
			t.Errorf("a canary of %s has no secret", c.Rule)
		}
	}
	rules := redact.BuiltinRules()
	for _, rule := range rules {
		if !has[rule] {
			t.Errorf("%s has none", rule)
		}
	}
	for _, g := range slices.Concat(tokens, contexts) {
		if !slices.Contains(rules, g.rule) {
			t.Errorf("there is a grammar for %s, which is no rule", g.rule)
		}
	}
	if len(rules) < 250 {
		t.Errorf("there are only %d rules", len(rules))
	}
}

func TestSecretsAreOneOfAKindAndTheSameForTheSameSeed(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for seed := range uint64(3) {
		for _, c := range All(seed) {
			for _, secret := range c.Secrets {
				if len(secret) < 12 || seen[secret] != "" && !fixed[c.Rule] {
					t.Errorf("%s: %d bytes, the same as of %q", c.Rule, len(secret), seen[secret])
				}
				seen[secret] = c.Rule
			}
		}
	}
	if !slices.EqualFunc(All(7), All(7), func(a, b Canary) bool { return a.Text == b.Text }) {
		t.Error("the same seed gives others")
	}
}

// fixed are rules about one single value.
var fixed = map[string]bool{"aws-amazon-bedrock-api-key-short-lived": true}

// each calls f with every canary in every encoding that its rule can see through.
func each(f func(label, text string, secrets []leak.Secret)) {
	for i, e := range Encodings() {
		for _, c := range All(uint64(i)) {
			if e.Hides(c) {
				continue
			}
			text, secrets := c.In(e, "test")
			f(c.Rule+" in "+e.Name, text, secrets)
		}
	}
}

func TestTheSearchWouldFindEveryCanaryInEveryEncoding(t *testing.T) {
	t.Parallel()
	each(func(label, text string, secrets []leak.Secret) {
		for i, s := range secrets {
			if !s.In(text) {
				t.Errorf("%s: secret %d of %d would not be found", label, i+1, len(secrets))
			}
		}
	})
}

func TestTheRedactorKnowsEveryCanaryInEveryEncoding(t *testing.T) {
	t.Parallel()
	r := redact.New()
	each(func(label, text string, secrets []leak.Secret) {
		masked, _ := r.Text(text)
		for _, s := range secrets {
			if s.In(masked) {
				t.Errorf("%s: stays in %q", label, masked)
			}
		}
	})
}

func TestEveryExcuseIsStillNeeded(t *testing.T) {
	t.Parallel()
	r := redact.New()
	for _, x := range excuses {
		for _, e := range Encodings() {
			for _, c := range All(1) {
				if !x.covers(c, e) {
					continue
				}
				text, secrets := c.In(e, "test")
				masked, _ := r.Text(text)
				if !slices.ContainsFunc(secrets, func(s leak.Secret) bool { return s.In(masked) }) {
					t.Errorf("%s is known in %s by now: take the excuse away (%s)", c.Rule, e.Name, x.why)
				}
			}
		}
	}
}

// A canary that other rules know as well says little about its own.
func TestEachRuleKnowsItsCanariesAlone(t *testing.T) {
	t.Parallel()
	rules := redact.BuiltinRules()
	alone := map[string]*redact.Redactor{}
	for _, c := range All(1) {
		if alone[c.Rule] == nil {
			others := slices.DeleteFunc(slices.Clone(rules), func(r string) bool { return r == c.Rule })
			r, err := redact.NewWith(redact.Options{Off: others})
			if err != nil {
				t.Fatal(err)
			}
			alone[c.Rule] = r
		}
		if masked, _ := alone[c.Rule].Text(c.Text); strings.Contains(masked, c.Secrets[0]) {
			t.Errorf("%s does not know %q", c.Rule, c.Text)
		}
	}
}
