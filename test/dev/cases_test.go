package main

import (
	"encoding/json"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/auditflow/auditflow/test/leak"
)

func TestTheCasesAreWhatTheyPromise(t *testing.T) {
	t.Parallel()
	p := &plants{}
	all := cases(nil, p)
	if len(all) < 24 {
		t.Errorf("only %d cases", len(all))
	}
	names := map[string]bool{}
	for _, c := range all {
		if names[c.name] || len(validation.IsDNS1123Label(c.name)) > 0 {
			t.Errorf("%q is no name of its own", c.name)
		}
		names[c.name] = true
		if c.params != "" && !json.Valid([]byte(c.params)) {
			t.Errorf("%s: its parameters are not JSON", c.name)
		}
		if planted := holdsSecret(c, p); planted != c.want.masked {
			t.Errorf("%s: a secret is planted: %t, but expected to be masked: %t", c.name, planted, c.want.masked)
		}
	}
	if !names[canaryCase] {
		t.Errorf("there is no %s", canaryCase)
	}
}

func holdsSecret(c scenario, p *plants) bool {
	text := c.params + c.plan.Output + c.plan.Error + c.plan.Refusal
	return slices.ContainsFunc(p.list, func(s leak.Secret) bool { return s.In(text) })
}

func TestSecretsAreFreshAndLabelled(t *testing.T) {
	t.Parallel()
	var first, second plants
	cases(nil, &first)
	cases(nil, &second)
	labels, values := map[string]bool{}, map[string]bool{}
	for _, secret := range append(first.list, second.list...) {
		if values[secret.Value] || len(secret.Value) < 12 {
			t.Errorf("%s: its value is short or was there before", secret.Label)
		}
		values[secret.Value] = true
	}
	for _, secret := range first.list {
		if labels[secret.Label] {
			t.Errorf("two secrets are called %s", secret.Label)
		}
		labels[secret.Label] = true
	}
}
