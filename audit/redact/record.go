package redact

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/auditflow/auditflow/audit"
)

const parametersPath = "action_parameters"

// Record returns rec with its secrets masked and Redactions telling where. It
// takes a normalised record and returns one: parameters stay canonical JSON,
// texts stay within their columns. It never fails: a field that cannot be
// processed is masked whole. rec's own slices are not altered, and a record
// that is redacted already comes back the same.
func (r *Redactor) Record(rec audit.Record) audit.Record {
	w := &work{r: r.forAction(rec.ActionType), rec: rec, known: &known{}, books: newBooks(rec.Redactions)}
	for range maxPasses {
		w.masked = 0
		w.scan()
		w.spread()
		if w.masked == 0 {
			return w.finish()
		}
	}
	for _, f := range w.fields() { // never settles: fail closed
		w.fail(f)
	}
	w.rec.ActionParameters = w.failed(parametersPath)
	return w.finish()
}

// Normalised is [Redactor.Record] of any record: what it returns is normalised, too.
func (r *Redactor) Normalised(rec audit.Record) audit.Record {
	rec = r.Record(rec.Normalise())
	if len(rec.Redactions) == 0 { // it is as it was
		return rec
	}
	return rec.Normalise()
}

// work is one record while it is being redacted.
type work struct {
	r      *Redactor
	rec    audit.Record
	known  *known
	books  books
	masked int  // in this pass
	quiet  bool // what is found now is known, but not written down
}

type field struct {
	name string
	text *string
}

// fields are the texts that somebody outside can fill. The identity (id,
// cluster, uid) is not among them: it is computed, and a record whose identity
// changed would be lost.
func (w *work) fields() []field {
	r := &w.rec
	return []field{
		{"output", &r.Output}, {"error", &r.Error},
		{"workflow_ref", &r.WorkflowRef}, {"action_type", &r.ActionType},
		{"execution_id", &r.ExecutionID}, {"execution_namespace", &r.ExecutionNamespace},
		{"target_namespace", &r.TargetNamespace}, {"target_resource_kind", &r.TargetResourceKind}, {"target_resource_name", &r.TargetResourceName},
		{"job_name", &r.JobName}, {"job_pod_name", &r.JobPodName}, {"job_exit_reason", &r.JobExitReason},
		{"phase", &r.Phase}, {"source", &r.Source}, {"resource_usage_source", &r.ResourceUsageSource},
	}
}

// scan looks for what is secret by itself, as deep as a field's class wants it.
func (w *work) scan() {
	if class := w.r.policy.class(parametersPath); class == Secret {
		w.hideParameters()
	} else {
		w.parameters(w.walkParameters)
	}
	for _, f := range w.fields() {
		class := w.r.policy.class(f.name)
		if class == Public {
			continue
		}
		w.field(f, func(s string) string {
			if class == Secret {
				return w.hide(s, f.name)
			}
			return w.walkText(s, f.name)
		})
	}
}

func (w *work) walkParameters(v any) any {
	walk := walker{work: w, forSecret: strings.EqualFold(w.rec.TargetResourceKind, "Secret")}
	return walk.value(v, place{path: parametersPath, steps: w.r.policy.start()})
}

func (w *work) walkText(s, path string) string {
	walk := walker{work: w}
	return walk.string(s, place{path: path})
}

// spread looks for what was found elsewhere.
func (w *work) spread() {
	if len(w.known.forms) == 0 {
		return
	}
	w.parameters(func(v any) any { return w.replace(v, parametersPath) })
	for _, f := range w.fields() {
		w.field(f, func(s string) string { return w.apply(s, f.name, w.known.find(s)) })
	}
}

// replace masks known secrets in every text and name of a JSON value.
func (w *work) replace(v any, path string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, key := range sortedKeys(v) {
			name := w.apply(key, path, w.known.find(key))
			for _, twice := out[name]; twice; _, twice = out[name] {
				name += "~"
			}
			out[name] = w.replace(v[key], place{path: path}.at(name).path)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = w.replace(v[i], path)
		}
		return out
	case string:
		return w.apply(v, path, w.known.find(v))
	}
	return v
}

// field lets change loose on one text; if it panics, the text is masked whole.
func (w *work) field(f field, change func(string) string) {
	defer func() {
		if recover() != nil { // the panic's value may quote the text: it goes nowhere
			w.fail(f)
		}
	}()
	before := *f.text
	after := change(before)
	if after != before {
		after = w.fit(f.name, after)
	}
	*f.text = after
}

// fit keeps a text within its column: masks may be longer than what they mask.
func (w *work) fit(name, s string) string {
	limit := limits[name]
	if limit == 0 || utf8.RuneCountInString(s) <= limit {
		return s
	}
	masks := masksIn(s)
	if first := masks[0]; first.end-first.start <= limit {
		return s[first.start:first.end]
	}
	return mask(ruleUnprocessable) // the shortest there is
}

var limits = audit.TextLimits()

func (w *work) fail(f field) {
	if *f.text != mask(ruleUnprocessable) {
		*f.text = mask(ruleUnprocessable)
		w.note(ruleUnprocessable, f.name)
	}
}

func (w *work) failed(path string) json.RawMessage {
	w.note(ruleUnprocessable, path)
	return audit.CanonicalJSON(mask(ruleUnprocessable))
}

// parameters lets change loose on the decoded parameters.
func (w *work) parameters(change func(any) any) {
	raw := w.rec.ActionParameters
	if len(bytes.TrimSpace(raw)) == 0 {
		return
	}
	defer func() {
		if recover() != nil {
			w.rec.ActionParameters = w.failed(parametersPath)
		}
	}()
	v, ok := parse(string(raw))
	if !ok { // cannot happen to a normalised record
		w.rec.ActionParameters = w.failed(parametersPath)
		return
	}
	before := w.masked
	if v = change(v); w.masked != before {
		w.rec.ActionParameters = audit.CanonicalJSON(v)
	}
}

// plain masks what the rules for text find in s.
func (w *work) plain(s, path string) string { return w.apply(s, path, w.r.scanAt(s, path)) }

// apply masks what was found in s and remembers it.
func (w *work) apply(s, path string, found []finding) string {
	if len(found) == 0 {
		return s
	}
	var b strings.Builder
	at := 0
	for _, f := range found {
		b.WriteString(s[at:f.Start])
		b.WriteString(mask(f.Rule))
		at = f.End
		w.known.add(f.Rule, s[f.Start:f.End])
		w.known.add(f.Rule, f.secret)
		w.note(ruleOf(f.Rule), path)
	}
	b.WriteString(s[at:])
	return b.String()
}

// mask masks all of value.
func (w *work) mask(rule, path, value string) string {
	label := w.r.policy.label(rule, value)
	w.known.add(label, value)
	w.note(ruleOf(rule), path)
	return mask(label)
}

func (w *work) note(rule, path string) {
	if w.quiet {
		return
	}
	w.masked++
	w.books.add(rule, path, 1)
}

func (w *work) finish() audit.Record {
	w.rec.Redactions = w.books.list(w.known)
	w.rec.Notes = slices.Clone(w.rec.Notes)
	return w.rec
}
