package redact

import (
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/zricethezav/gitleaks/v8/config"
)

// The rules of gitleaks (MIT) know the tokens of some two hundred services. Only
// its data is used, not its detector, which a text can switch off by asking it
// to. Names, entropies and allow lists are theirs.

// replaced are gitleaks' rules that are not run, and why. Every other rule is.
var replaced = map[string]string{
	"generic-api-key":        "assign.go reads names and values, and values of people",
	"hashicorp-tf-password":  "assign.go",
	"nuget-config-password":  "assign.go",
	"kubernetes-secret-yaml": "manifest.go knows where the values of a Secret end",
	"private-key":            "contexts.go also knows keys that were cut or escaped",
	"jwt":                    "tokens.go also knows tokens without signature, and cut",
	"jwt-base64":             "words.go looks into base64",
	"curl-auth-header":       "contexts.go knows headers wherever they stand",
	"curl-auth-user":         "contexts.go",
	"pkcs12-file":            "is about names of files",
}

// whole are rules whose groups hold but a part of the secret.
var whole = map[string]string{
	"microsoft-teams-webhook": "its group is one of several parts of an id; whoever has the address may post",
}

type gitleaksConfig struct {
	Allowlist gitleaksAllow  `toml:"allowlist"`
	Rules     []gitleaksRule `toml:"rules"`
}

type gitleaksRule struct {
	ID          string          `toml:"id"`
	Regex       string          `toml:"regex"`
	Entropy     float64         `toml:"entropy"`
	SecretGroup int             `toml:"secretGroup"`
	Keywords    []string        `toml:"keywords"`
	Allowlists  []gitleaksAllow `toml:"allowlists"`
}

// gitleaksAllow lists what is no secret although a rule matches it.
type gitleaksAllow struct {
	Condition   string   `toml:"condition"`
	RegexTarget string   `toml:"regexTarget"`
	Regexes     []string `toml:"regexes"`
	Stopwords   []string `toml:"stopwords"`
	Paths       []string `toml:"paths"` // we redact texts, which have no path
}

func gitleaksRules() []rule {
	var c gitleaksConfig
	if err := toml.Unmarshal([]byte(config.DefaultConfig), &c); err != nil {
		panic("redact: the rules of gitleaks are not TOML: " + err.Error()) // a test would have said so
	}
	everywhere := c.Allowlist.compile()
	var rules []rule
	for _, g := range c.Rules {
		if replaced[g.ID] == "" {
			rules = append(rules, g.rule(everywhere))
		}
	}
	return rules
}

// nameContext is in the patterns that look for a name in front of the token.
const nameContext = `[ \t\w.-]{0,20}`

func (g gitleaksRule) rule(everywhere allow) rule {
	r := rule{name: g.ID, keywords: g.Keywords, pattern: lazily(g.Regex), group: g.SecretGroup, whole: whole[g.ID] != ""}
	if !strings.Contains(g.Regex, nameContext) && !slices.ContainsFunc(g.Keywords, func(k string) bool { return len(k) > 4 || k[0] == '_' }) {
		r.ahead = tokenAhead
	}
	allows := []allow{everywhere}
	for _, a := range g.Allowlists {
		if a.Condition != "AND" || len(a.Paths) == 0 { // a path that we do not have is not allowed
			allows = append(allows, a.compile())
		}
	}
	r.check = func(m match) bool {
		return (g.Entropy == 0 || entropy(m.secret) > g.Entropy) &&
			!slices.ContainsFunc(allows, func(a allow) bool { return a.allows(m) })
	}
	return r
}

// allow is an allow list that is ready for use.
type allow struct {
	target    string
	patterns  []*pattern
	stopwords []string
}

func (a gitleaksAllow) compile() allow {
	out := allow{target: a.RegexTarget, stopwords: a.Stopwords}
	if len(a.Regexes) > 0 { // one expression for all of them
		out.patterns = []*pattern{lazily("(?:" + strings.Join(a.Regexes, ")|(?:") + ")")}
	}
	return out
}

func (a allow) allows(m match) bool {
	target := m.secret
	switch a.target {
	case "match":
		target = m.whole
	case "line":
		target = m.line
	}
	if slices.ContainsFunc(a.patterns, func(p *pattern) bool { return p.compile().MatchString(target) }) {
		return true
	}
	lower := strings.ToLower(m.secret)
	return slices.ContainsFunc(a.stopwords, func(w string) bool { return strings.Contains(lower, w) })
}
