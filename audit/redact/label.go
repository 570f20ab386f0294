package redact

import (
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
)

// tokenSize is how many bytes of a token stand in a mask, as hexadecimal. 48
// bits: among a million different secrets two share a token with a chance of
// 1 in 560, and a mask still fits into the narrowest column.
const tokenSize = 6

// label is what stands in the mask of a secret that rule found: the rule, and
// with a key the secret's token behind a colon.
func (p *policy) label(rule, secret string) string {
	if p == nil || p.token == nil || rule == ruleUnprocessable {
		return rule
	}
	sum := p.sum(canonical(secret))
	if len(sum) < tokenSize {
		return ruleOf(rule) // masked all the same
	}
	return ruleOf(rule) + ":" + hex.EncodeToString(sum[:tokenSize])
}

// sum returns nil when the key fails, in whatever way.
func (p *policy) sum(secret string) (sum []byte) {
	defer func() {
		if recover() != nil { // its value may quote the secret
			sum = nil
		}
	}()
	sum, err := p.token([]byte(secret))
	if err != nil {
		return nil
	}
	return sum
}

// Token returns what the masks of a secret carry, "" without a key: for those
// who hold a secret and ask where it was masked.
func (r *Redactor) Token(secret string) string {
	_, token, _ := strings.Cut(r.policy.label(ruleField, secret), ":")
	return token
}

// labels labels what was found in s.
func (p *policy) labels(s string, found []finding) []finding {
	if p == nil || p.token == nil {
		return found
	}
	for i, f := range found {
		secret := f.secret
		if secret == "" {
			secret = s[f.Start:f.End]
		}
		found[i].Rule = p.label(f.Rule, secret)
	}
	return found
}

// ruleOf is the rule in a label.
func ruleOf(label string) string {
	rule, _, _ := strings.Cut(label, ":")
	return rule
}

// canonical undoes what a secret was wrapped in, so that the token does not
// depend on whether it stood in a URL, in JSON or in the data of a Secret.
func canonical(s string) string {
	for range maxLayers {
		before := s
		s = strings.TrimSpace(s)
		if strings.Contains(s, `\`) {
			var text string
			if json.Unmarshal([]byte(`"`+s+`"`), &text) == nil {
				s = text
			}
		}
		if text, err := url.PathUnescape(s); err == nil {
			s = text
		}
		if word := strings.TrimRight(s, "="); len(s) >= 8 && wordEnd(word, 0) == len(word) {
			if text, ok := decode(word); ok {
				s = text
			}
		}
		if s == before {
			break
		}
	}
	return s
}
