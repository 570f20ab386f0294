package redact

import (
	"regexp/syntax"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	re2 "github.com/wasilibs/go-re2"
	"github.com/zricethezav/gitleaks/v8/config"
)

func theirConfig(t *testing.T) gitleaksConfig {
	t.Helper()
	var c gitleaksConfig
	if err := toml.Unmarshal([]byte(config.DefaultConfig), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Rules) < 200 {
		t.Fatalf("gitleaks has only %d rules: did its format change?", len(c.Rules))
	}
	return c
}

func TestEveryRuleOfGitleaksIsRunOrReplacedForAReason(t *testing.T) {
	t.Parallel()
	ours := map[string]rule{}
	for _, r := range gitleaksRules() {
		ours[r.name] = r
	}
	theirs := map[string]bool{}
	for _, g := range theirConfig(t).Rules {
		theirs[g.ID] = true
		r, run := ours[g.ID]
		if run == (replaced[g.ID] != "") {
			t.Errorf("%s: run %v, replaced because %q", g.ID, run, replaced[g.ID])
		}
		if run && (r.pattern.source != g.Regex || !slices.Equal(r.keywords, g.Keywords) || len(g.Keywords) == 0) {
			t.Errorf("%s is run with another expression or without keywords", g.ID)
		}
	}
	for id := range replaced {
		if !theirs[id] {
			t.Errorf("%s is replaced, but gitleaks has no such rule", id)
		}
	}
}

func TestEveryExpressionCompilesOnRE2(t *testing.T) {
	t.Parallel()
	for _, r := range builtinRules() {
		if _, err := re2.Compile(r.pattern.source); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
		if len(r.keywords) == 0 || slices.Contains(r.keywords, "") {
			t.Errorf("%s would be tried on every text: it has no keywords", r.name)
		}
	}
	c := theirConfig(t)
	allows := append([]gitleaksAllow{c.Allowlist}, slices.Concat(lists(c)...)...)
	for _, a := range allows {
		for _, p := range a.compile().patterns {
			if _, err := re2.Compile(p.source); err != nil {
				t.Errorf("allow list %q: %v", a.Regexes, err)
			}
		}
	}
}

// TestNoGroupOfGitleaksIsButAPartOfTheSecret: a group that repeats holds its
// last turn only.
func TestNoGroupOfGitleaksIsButAPartOfTheSecret(t *testing.T) {
	t.Parallel()
	for _, g := range theirConfig(t).Rules {
		if replaced[g.ID] != "" || whole[g.ID] != "" || g.SecretGroup != 0 {
			continue
		}
		expression, err := syntax.Parse(g.Regex, syntax.Perl)
		if err != nil {
			t.Fatalf("%s: %v", g.ID, err)
		}
		if group, repeats := firstGroup(expression); group != nil && repeats {
			t.Errorf("%s masks only the last turn of %s: all of its match is the secret", g.ID, group)
		}
	}
}

func firstGroup(e *syntax.Regexp) (group *syntax.Regexp, repeats bool) {
	if e.Op == syntax.OpCapture {
		return e, false
	}
	for _, part := range e.Sub {
		if group, repeats := firstGroup(part); group != nil {
			return group, repeats || e.Op == syntax.OpRepeat || e.Op == syntax.OpStar || e.Op == syntax.OpPlus
		}
	}
	return nil, false
}

func lists(c gitleaksConfig) (all [][]gitleaksAllow) {
	for _, g := range c.Rules {
		all = append(all, g.Allowlists)
	}
	return all
}

func TestEntropiesAndAllowListsOfGitleaksCount(t *testing.T) {
	t.Parallel()
	random := "x7Kq2mN9pL4vB8sD1fG6"
	tests := []struct {
		name, text string
		masked     bool
	}{
		{"a token of its kind", "glft-" + random, true},
		{"one that has too little in it", "gloas-" + strings.Repeat("ab", 32), false},
		{"the example of a maker's documentation", "AKIA" + "IOSFODNN7EXAMPLE", false},
		{"a key that the allow list names", "AIza" + "SyAnLA7NfeLquW1tJFpx_eQCxoX-oo6YyIs", false},
		{"a key that it does not name", "AIza" + "SyQm3Lr8NfePquW1tJFpx_eQCxoX-oo6YyI", true},
		{"a name and a token", "adafruit_key = \"" + random + strings.ToLower(random)[:12] + "\"", true},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			found := settle(tc.text, onlyGitleaks(tc.text))
			if (len(found) > 0) != tc.masked {
				t.Errorf("%q: %v", tc.text, found)
			}
		})
	}
}

// onlyGitleaks runs nothing but their rules.
func onlyGitleaks(s string) []finding {
	r := build(nil, gitleaksRules())
	return r.clear(s)
}
