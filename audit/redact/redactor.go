package redact

import (
	"errors"
	"slices"
	"sync"
)

// version names the built-in policy; it changes whenever what is masked does.
const version = "builtin-4"

// Redactor masks secrets. It is immutable and safe for concurrent use.
type Redactor struct {
	rules    []rule
	gate     *gate // finds in one pass which rules and names are worth trying
	keywords []keyword
	policy   *policy // nil for the built-in one
}

// Finding is one masked stretch of a text: the bytes from Start up to End were
// replaced because of Rule.
type Finding struct {
	Rule       string
	Start, End int
}

// New returns the redactor with the built-in policy, of which a process has
// one. What its rules need is made when they first need it.
func New() *Redactor { return builtin() }

var builtin = sync.OnceValue(func() *Redactor { return build(nil, builtinSet()) })

// builtinSet is shared by all redactors: rules are not changed once made.
var builtinSet = sync.OnceValue(builtinRules)

// NewWith returns a redactor that differs from the built-in one as options say.
// All their faults come back together, as [Options.Faults] lists them.
func NewWith(options Options) (*Redactor, error) {
	var faults []error
	for _, f := range options.Faults() {
		faults = append(faults, errors.New(f.String()))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	policy, err := options.compile()
	if err != nil || policy == nil {
		return New(), err
	}
	if len(options.Rules) == 0 { // then what is looked for is the same
		r := *New()
		r.policy = policy
		return &r, nil
	}
	rules := slices.Clone(builtinSet())
	for _, r := range options.Rules {
		if r.Pattern != "" {
			rules = append(rules, rule{name: r.Name, keywords: r.Keywords, pattern: lazily(r.Pattern)})
		}
	}
	return build(policy, rules), nil
}

func build(policy *policy, rules []rule) *Redactor {
	r := &Redactor{rules: rules, keywords: keywords(rules), policy: policy}
	for _, word := range policy.gateWords() {
		r.keywords = append(r.keywords, keyword{text: word, rule: names})
	}
	texts := make([]string, len(r.keywords))
	for i, w := range r.keywords {
		texts[i] = w.text
	}
	r.gate = newGate(texts)
	return r
}

// BuiltinRules lists the names of the rules that a policy can turn off, sorted.
func BuiltinRules() []string { return slices.Clone(builtinNames()) }

var builtinNames = sync.OnceValue(func() []string {
	all := map[string]bool{ruleSecret: true, ruleRandom: true}
	for _, k := range []kind{password, secret, token, someKey} {
		all[k.rule()] = true
	}
	for _, r := range builtinSet() {
		all[r.name] = true
	}
	return sortedNames(all)
})

// Version names the policy, for reports and for records that ask which policy
// they were redacted with: builtin-4, or policy-0123456789ab+builtin-4 with the
// first 12 digits of the SHA-256 of what the options say.
func (r *Redactor) Version() string {
	if r.policy == nil {
		return version
	}
	return "policy-" + r.policy.id + "+" + version
}

// Name masks the secrets in what is no field of a record and goes in clear, such
// as a message. The fields of a record come from [Redactor.Record] alone, which
// knows their classes and what the other fields tell.
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
