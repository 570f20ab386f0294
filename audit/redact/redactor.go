package redact

import "sync"

// version names the built-in policy; it changes whenever what is masked does.
const version = "builtin-1"

// Redactor masks secrets. It is immutable and safe for concurrent use.
type Redactor struct {
	rules []rule
	gate  *gate // finds in one pass which rules and names are worth trying
	words []keyword
}

// Finding is one masked stretch of a text: the bytes from Start up to End were
// replaced because of Rule.
type Finding struct {
	Rule       string
	Start, End int
}

// New returns the redactor with the built-in policy. Compiling it takes some
// milliseconds, once per process.
func New() *Redactor { return builtin() }

var builtin = sync.OnceValue(func() *Redactor {
	r := &Redactor{rules: builtinRules()}
	r.words = keywords(r.rules)
	texts := make([]string, len(r.words))
	for i, w := range r.words {
		texts[i] = w.text
	}
	r.gate = newGate(texts)
	return r
})

// Version names the policy, for reports and for records that ask which policy
// they were redacted with.
func (r *Redactor) Version() string { return version }

// Name masks what goes in clear although nobody reads records there: search
// attributes, summaries, labels.
func (r *Redactor) Name(s string) string {
	masked, _ := r.Text(s)
	return masked
}

// maxPasses bounds how often a text or record is looked at again after
// something was masked. Each pass masks at least one byte more; real texts
// settle in two.
const maxPasses = 6

// Text masks the secrets in s and tells where they were, in ascending order
// and without overlap. Text(Text(s)) is Text(s).
func (r *Redactor) Text(s string) (masked string, findings []Finding) {
	defer func() {
		if recover() != nil { // fail closed; the panic may quote the text
			masked, findings = mask(ruleUnprocessable), []Finding{{ruleUnprocessable, 0, len(s)}}
		}
	}()
	e := edit{original: s, text: s}
	for range maxPasses {
		found := r.scan(e.text)
		if len(found) == 0 {
			return e.text, e.findings()
		}
		e.apply(found)
	}
	return mask(ruleUnprocessable), []Finding{{ruleUnprocessable, 0, len(s)}}
}
