package canary

import (
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"
	"github.com/zricethezav/gitleaks/v8/config"
)

// theirs is a rule of gitleaks.
type theirs struct {
	ID          string      `toml:"id"`
	Regex       string      `toml:"regex"`
	Entropy     float64     `toml:"entropy"`
	SecretGroup int         `toml:"secretGroup"`
	Keywords    []string    `toml:"keywords"`
	Allowlists  []allowlist `toml:"allowlists"`

	grammar *syntax.Regexp
	pattern *regexp.Regexp
	allowed []*regexp.Regexp
	words   []string
}

type allowlist struct {
	Regexes   []string `toml:"regexes"`
	Stopwords []string `toml:"stopwords"`
}

// gitleaks are its rules by name.
var gitleaks = sync.OnceValue(func() map[string]*theirs {
	var c struct {
		Allowlist allowlist `toml:"allowlist"`
		Rules     []*theirs `toml:"rules"`
	}
	if err := toml.Unmarshal([]byte(config.DefaultConfig), &c); err != nil {
		panic("canary: the rules of gitleaks are not TOML: " + err.Error())
	}
	rules := map[string]*theirs{}
	for _, r := range c.Rules {
		if r.Regex == "" {
			continue // it is about names of files
		}
		rules[r.ID] = r
		for _, a := range append(r.Allowlists, c.Allowlist) {
			r.words = append(r.words, a.Stopwords...)
			for _, expression := range a.Regexes {
				r.allowed = append(r.allowed, regexp.MustCompile(expression))
			}
		}
	}
	return rules
})

// compile is for the rules that are needed.
func (r *theirs) compile() {
	if r.pattern != nil {
		return
	}
	grammar, err := syntax.Parse(r.Regex, syntax.Perl)
	if err != nil {
		panic("canary: the expression of " + r.ID + ": " + err.Error())
	}
	r.grammar, r.pattern = grammar, regexp.MustCompile(r.Regex)
}

var compiling sync.Mutex

// ofGitleaks draws a text that gitleaks itself would call a secret.
func (m maker) ofGitleaks(rule string) Canary {
	r := gitleaks()[rule]
	if r == nil {
		panic("canary: rule " + rule + " has no grammar: write one")
	}
	compiling.Lock()
	r.compile()
	compiling.Unlock()
	for range 200 {
		text := "see " + m.draw(r.grammar) + " there"
		if !r.gated(text) {
			text = r.Keywords[0] + ": " + text // without one of them it is not looked at
		}
		if secret := r.secretIn(text); secret != "" && entropy(secret) > r.Entropy && !r.allows(text, secret) {
			return Canary{Rule: rule, Text: text, Secrets: []string{secret}}
		}
	}
	panic("canary: nothing that is drawn for rule " + rule + " is one: write a grammar")
}

func (r *theirs) gated(text string) bool {
	lower := strings.ToLower(text)
	return slices.ContainsFunc(r.Keywords, func(w string) bool { return strings.Contains(lower, strings.ToLower(w)) })
}

func (r *theirs) secretIn(text string) string {
	found := r.pattern.FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	if r.SecretGroup > 0 {
		return found[r.SecretGroup]
	}
	for _, group := range found[1:] {
		if group != "" {
			return group
		}
	}
	return found[0]
}

// allows is stricter than gitleaks, which does not compare everything with
// everything: in doubt another is drawn.
func (r *theirs) allows(text, secret string) bool {
	for _, a := range r.allowed {
		if a.MatchString(secret) || a.MatchString(text) {
			return true
		}
	}
	lower := strings.ToLower(secret)
	return slices.ContainsFunc(r.words, func(w string) bool { return strings.Contains(lower, w) })
}

// entropy is Shannon's, in bits for each byte.
func entropy(s string) (bits float64) {
	counts := map[rune]int{}
	for _, c := range s {
		counts[c]++
	}
	for _, n := range counts {
		share := float64(n) / float64(len(s))
		bits -= share * math.Log2(share)
	}
	return bits
}
