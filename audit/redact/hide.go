package redact

import (
	"bytes"

	"github.com/auditflow/auditflow/audit"
)

// hide masks a whole field that the policy calls secret. What is a secret by
// itself in there is noted first, so that it is masked elsewhere too.
func (w *work) hide(s, path string) string {
	if s == "" || wholeMask(s) {
		return s
	}
	w.quietly(func() { w.walkText(s, path) })
	w.note(ruleField, path)
	return mask(w.r.policy.label(ruleField, s))
}

func (w *work) hideParameters() {
	raw := w.rec.ActionParameters
	if len(bytes.TrimSpace(raw)) == 0 {
		return
	}
	v, _ := parse(string(raw)) // what is no JSON teaches nothing, and is masked
	if s, text := v.(string); text && (s == "" || wholeMask(s)) {
		return
	}
	w.quietly(func() { w.walkParameters(v) })
	w.note(ruleField, parametersPath)
	w.rec.ActionParameters = audit.CanonicalJSON(mask(w.r.policy.label(ruleField, string(raw))))
}

// quietly learns secrets; a panic costs no more than what was not learnt.
func (w *work) quietly(learn func()) {
	w.quiet = true
	defer func() {
		w.quiet = false
		_ = recover() // the field is masked whole by whoever asked
	}()
	learn()
}
