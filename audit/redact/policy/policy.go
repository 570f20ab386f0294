// Package policy reads redaction policies: YAML that says how redaction differs
// from the built-in rules. docs/redaction.md explains every key.
//
// It is strict, because a policy that is misread leaks or hides: unknown and
// duplicate keys, wrong types, aliases and second documents are faults, and all
// faults come back together, each with its line.
package policy

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/auditflow/auditflow/audit/redact"
)

// MaxSize bounds a policy in bytes.
const MaxSize = 1 << 20

// Parse reads a policy. token is the keyed hash that its tokens need, nil if
// there is no key: see [redact.Options]. What it returns, [redact.NewWith]
// accepts.
func Parse(text []byte, token func([]byte) ([]byte, error)) (redact.Options, error) {
	if len(text) > MaxSize {
		return redact.Options{}, fmt.Errorf("redaction policy: larger than %d bytes", MaxSize)
	}
	root, err := document(text)
	if err != nil {
		return redact.Options{}, fmt.Errorf("redaction policy: %w", err)
	}
	r := &reader{lines: map[string]int{"": root.Line}}
	options := r.policy(root)
	options.Token = token
	for _, f := range options.Faults() {
		if !r.told(f.Field) {
			r.tell(r.line(f.Field), f.Field, "%s", f.Problem)
		}
	}
	if len(r.faults) == 0 {
		r.tryExamples(options)
	}
	if len(r.faults) > 0 {
		slices.SortStableFunc(r.faults, func(a, b fault) int { return a.line - b.line })
		return redact.Options{}, fmt.Errorf("redaction policy:\n%w", errors.Join(asErrors(r.faults)...))
	}
	return options, nil
}

// document returns the only document in text.
func document(text []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	var root, second yaml.Node
	if err := decoder.Decode(&root); err != nil || len(root.Content) != 1 {
		if err == nil || errors.Is(err, io.EOF) {
			return nil, errors.New("is empty; want at least version: 1")
		}
		return nil, fmt.Errorf("is not YAML: %w", err) // which tells the line
	}
	if decoder.Decode(&second) == nil {
		return nil, fmt.Errorf("line %d: a second document", second.Line)
	}
	return root.Content[0], nil
}

// policy reads the top level. Its keys are those of redact.Options, so that
// faults found there have their place here.
func (r *reader) policy(n *yaml.Node) (o redact.Options) {
	version := ""
	r.object(n, "", fields{
		"version": func(n *yaml.Node, at string) { version = r.text(n, at) },
		"off":     func(n *yaml.Node, at string) { o.Off = r.texts(n, at) },
		"rules": func(n *yaml.Node, at string) {
			r.list(n, at, func(n *yaml.Node, at string) { o.Rules = append(o.Rules, r.rule(n, at)) })
		},
		"allow": func(n *yaml.Node, at string) {
			r.list(n, at, func(n *yaml.Node, at string) { o.Allow = append(o.Allow, r.allowance(n, at)) })
		},
		"fields": func(n *yaml.Node, at string) { o.Fields = r.classes(n, at) },
		"tokens": func(n *yaml.Node, at string) {
			switch mode := r.text(n, at); mode {
			case "keyed", "none", "": // which has been told of
				o.Keyed = mode == "keyed"
			default:
				r.tell(n.Line, at, "want keyed or none")
			}
		},
	})
	if version != "1" && !r.told("") {
		r.tell(r.line("version"), "version", "want 1")
	}
	return o
}

func (r *reader) rule(n *yaml.Node, at string) (rule redact.Rule) {
	r.object(n, at, fields{
		"name":     func(n *yaml.Node, at string) { rule.Name = r.text(n, at) },
		"pattern":  func(n *yaml.Node, at string) { rule.Pattern = r.text(n, at) },
		"keywords": func(n *yaml.Node, at string) { rule.Keywords = r.texts(n, at) },
		"keys":     func(n *yaml.Node, at string) { rule.Keys = r.texts(n, at) },
		"paths":    func(n *yaml.Node, at string) { rule.Paths = r.texts(n, at) },
		"actions":  func(n *yaml.Node, at string) { rule.Actions = r.texts(n, at) },
		"examples": func(n *yaml.Node, at string) {
			for i, text := range r.texts(n, at) {
				r.examples = append(r.examples, example{fmt.Sprintf("%s[%d]", at, i), &rule.Name, text})
			}
		},
	})
	return rule
}

func (r *reader) allowance(n *yaml.Node, at string) (a redact.Allowance) {
	r.object(n, at, fields{
		"value":   func(n *yaml.Node, at string) { a.Value = r.text(n, at) },
		"pattern": func(n *yaml.Node, at string) { a.Pattern = r.text(n, at) },
		"rule":    func(n *yaml.Node, at string) { a.Rule = r.text(n, at) },
		"path":    func(n *yaml.Node, at string) { a.Path = r.text(n, at) },
		"reason":  func(n *yaml.Node, at string) { a.Reason = r.text(n, at) },
	})
	return a
}

func (r *reader) classes(n *yaml.Node, at string) map[string]redact.Class {
	classes := map[string]redact.Class{}
	r.pairs(n, at, func(name string, n *yaml.Node, at string) {
		classes[name] = redact.Class(r.text(n, at))
	})
	return classes
}

// example is a text that a rule must find something in.
type example struct {
	at   string
	rule *string
	text string
}

// tryExamples holds the author of a rule to what it was written for: a keyword
// that does not fit its pattern shows here, not when a secret has leaked.
func (r *reader) tryExamples(o redact.Options) {
	if len(r.examples) == 0 {
		return
	}
	redactor, err := redact.NewWith(o)
	if err != nil {
		r.tell(r.line("rules"), "rules", "cannot be tried out")
		return
	}
	for _, e := range r.examples {
		_, found := redactor.Text(e.text)
		if !slices.ContainsFunc(found, func(f redact.Finding) bool { return f.Rule == *e.rule }) {
			r.tell(r.line(e.at), e.at, "the rule finds nothing in it")
		}
	}
}
