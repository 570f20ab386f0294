package redact

// Options say how a redactor differs from the built-in one; the zero value in
// nothing. They are plain data: package policy reads them from a file.
type Options struct {
	// Off are built-in rules that are not applied, see [BuiltinRules].
	Off []string `json:"off,omitempty"`
	// Rules are applied besides the built-in ones.
	Rules []Rule `json:"rules,omitempty"`
	// Allow are values that stay although a rule finds them.
	Allow []Allowance `json:"allow,omitempty"`
	// Fields classes fields of the record by their JSON names; those that are
	// not named are [Sensitive].
	Fields map[string]Class `json:"fields,omitempty"`
	// Keyed puts a token into every mask, so that the same secret can be
	// recognised in two records: [REDACTED:rule:token].
	Keyed bool `json:"keyed,omitempty"`
	// Token computes a keyed hash of a secret, at least 6 bytes of it, the same
	// at every call. Required if Keyed, else not used. The key must be secret:
	// people's passwords can be guessed from hashes that anybody can compute.
	Token func(secret []byte) ([]byte, error) `json:"-"`
}

// Rule masks what an organisation knows to be secret. It needs a pattern, keys
// or paths.
type Rule struct {
	// Name stands in masks and in stored records: small letters, digits and -,
	// at most 32, none of the built-in names.
	Name string `json:"name"`
	// Pattern is an RE2 expression. What it masks is the first group that took
	// part in the match, or all of it. It is applied to lines, of very long ones
	// to 256 bytes before and 4,096 bytes behind a keyword.
	Pattern string `json:"pattern,omitempty"`
	// Keywords make the pattern cheap: it is tried only where one of them stands,
	// in any case. At least 3 bytes of ASCII each. Required with a pattern.
	Keywords []string `json:"keywords,omitempty"`
	// Keys are names whose values are secret, in any spelling: acme_code is also
	// acmeCode, ACME-CODE and my.acme.code. In parameters and in text.
	Keys []string `json:"keys,omitempty"`
	// Paths lead to secret values in the parameters, names joined by dots as in
	// redactions: action_parameters.spec.*.pin. * is any one name or index, **
	// any number of them.
	Paths []string `json:"paths,omitempty"`
	// Actions are the action types to which the rule applies; * is any part of
	// one. None means all. Text that belongs to no record counts as any.
	Actions []string `json:"actions,omitempty"`
}

// Allowance lets one value stay, where all that it says is true. It never
// speaks for more than the value: what else is in the text is looked at as ever.
type Allowance struct {
	// Value is the whole of what would be masked.
	Value string `json:"value,omitempty"`
	// Pattern is an RE2 expression for the whole of what would be masked. It is
	// refused if it fits values it cannot have been written for.
	Pattern string `json:"pattern,omitempty"`
	// Rule is the rule that would mask it.
	Rule string `json:"rule,omitempty"`
	// Path is where, as in redactions; * is any one name or index.
	Path string `json:"path,omitempty"`
	// Reason says why this is no secret, for those who read the policy. Required.
	Reason string `json:"reason"`
}

// Class is how much a field of the record is trusted.
type Class string

const (
	// Public fields are not searched. Values that were found elsewhere are masked
	// in them all the same.
	Public Class = "public"
	// Sensitive fields are searched. This is the default.
	Sensitive Class = "sensitive"
	// Secret fields are masked whole, after what is secret in them has been noted
	// so that it is masked elsewhere.
	Secret Class = "secret"
)

// Fault is one reason why Options are refused.
type Fault struct {
	Field   string // rules[0].pattern
	Problem string
}

func (f Fault) String() string { return f.Field + ": " + f.Problem }
