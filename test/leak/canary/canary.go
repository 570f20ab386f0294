package canary

import (
	"fmt"
	"slices"
	"strings"

	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/test/leak"
)

// Canary is a text with secrets in it.
type Canary struct {
	Rule    string   // of audit/redact, which must know them
	Nth     int      // of its rule, from 1
	Text    string   // the secrets and what stands around them
	Secrets []string // nobody else's
	Inside  []string // what they decode to, where they are encoded themselves
}

// All makes at least one canary for every built-in rule, in their order.
func All(seed uint64) []Canary {
	m := newMaker(seed)
	ours := slices.Concat(tokens, contexts)
	var all []Canary
	for _, rule := range redact.BuiltinRules() {
		before := len(all)
		for _, g := range ours {
			if g.rule == rule {
				all = append(all, m.write(rule, g.text))
			}
		}
		for _, s := range specials {
			if s.rule == rule {
				all = append(all, s.write(m))
			}
		}
		if len(all) == before {
			all = append(all, m.ofGitleaks(rule))
		}
		for i := range all[before:] {
			all[before+i].Nth = i + 1
		}
	}
	return all
}

// grammar is a text as [maker.write] takes it.
type grammar struct{ rule, text string }

// tail is how much of the end of a long secret is looked for by itself: what
// masks only its beginning has masked nothing.
const tail = 40

// In is the canary in an encoding, planted where it is said, and what must not be
// found of it. With one place for each set of canaries no label is there twice.
func (c Canary) In(e Encoding, where string) (text string, secrets []leak.Secret) {
	text, parts := e.apply(c)
	for i, value := range c.Secrets {
		s := leak.Secret{Label: fmt.Sprintf("%s %d.%d (%s, %s)", c.Rule, c.Nth, i+1, e.Name, where), Value: value, Parts: slices.Concat(parts[i], c.Inside)}
		if len(value) > 2*tail {
			s.Parts = append(s.Parts, value[len(value)-tail:])
		}
		secrets = append(secrets, s)
	}
	return text, secrets
}

// Line tells whether the canary fits where there is one line only.
func (c Canary) Line() bool { return !strings.Contains(c.Text, "\n") }
