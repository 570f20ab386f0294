package main

import (
	"encoding/json"
	"io"

	"github.com/auditflow/auditflow/audit/redact/score"
)

// perKind is how many texts of each kind the corpus holds.
const perKind = 40

// grammar makes texts of one kind.
type grammar struct {
	kind, label string
	text        func(m maker) (text string, secrets []string)
}

// writeCorpus writes labelled texts, the same in every run. They are made of
// grammars of whole classes, not of samples, so that they say something about
// values nobody has seen.
func writeCorpus(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for i, g := range grammars() {
		m := newMaker(uint64(i) + 100)
		for range perKind {
			text, secrets := g.text(m)
			if err := e.Encode(score.Text{Text: text, Secrets: secrets, Kind: g.kind, Label: g.label}); err != nil {
				return err
			}
		}
	}
	return nil
}

func grammars() []grammar {
	var all []grammar
	for _, part := range [][]grammar{passwordGrammars(), tokenGrammars(), fileGrammars(), kubernetesGrammars(), encodedGrammars()} {
		for _, g := range part {
			g.label = score.LabelSecret
			all = append(all, g)
		}
	}
	for _, g := range harmlessGrammars() {
		g.label = score.LabelNotSecret
		all = append(all, g)
	}
	clean := func(kind string, text func(m maker) string) grammar {
		return grammar{kind, score.LabelClean, func(m maker) (string, []string) { return text(m), nil }}
	}
	return append(all,
		clean("clean-log", func(m maker) string { n := m.IntN(1 << 20); s := logText(1 << 20); return cutLines(s, n, 4000) }),
		clean("clean-yaml", func(m maker) string { n := m.IntN(1 << 20); s := yamlText(1 << 20); return cutLines(s, n, 4000) }),
		clean("clean-kubectl", kubectlOutput))
}

// cutLines takes about n bytes of whole lines from offset at on.
func cutLines(s string, at, n int) string {
	at = min(at, len(s)-n)
	for at > 0 && s[at-1] != '\n' {
		at--
	}
	end := min(len(s), at+n)
	for end > at && s[end-1] != '\n' {
		end--
	}
	return s[at:end]
}
