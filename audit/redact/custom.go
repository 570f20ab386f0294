package redact

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/auditflow/auditflow/audit"
)

// ruleField stands where the policy calls a whole field secret.
const ruleField = "secret-field"

// policy is [Options] ready for use. A nil policy changes nothing.
type policy struct {
	id      string
	off     map[string]bool   // rules that are not applied
	keys    map[string]string // words of a name → rule
	longest int               // most words of a key
	ends    map[byte][]string // last words of keys, by their last byte
	paths   []customPath
	actions map[string][]string // rule → action types, where not all
	allow   []allowance
	classes map[string]Class
	token   func([]byte) ([]byte, error)
}

type customPath struct {
	segments []string // below action_parameters
	rule     string
}

func (o Options) compile() (*policy, error) {
	id := o.id()
	if id == "" {
		return nil, nil
	}
	p := &policy{id: id, off: map[string]bool{}, keys: map[string]string{}, ends: map[byte][]string{}, actions: map[string][]string{}, classes: o.Fields}
	for _, name := range o.Off {
		p.off[name] = true
	}
	for _, r := range o.Rules {
		for _, key := range r.Keys {
			name := normalName(key)
			p.keys[name] = r.Name
			p.longest = max(p.longest, 1+strings.Count(name, "_"))
			last := name[1+strings.LastIndexByte(name, '_'):]
			p.ends[last[len(last)-1]] = append(p.ends[last[len(last)-1]], last)
		}
		for _, path := range r.Paths {
			p.paths = append(p.paths, customPath{strings.Split(path, ".")[1:], r.Name})
		}
		if len(r.Actions) > 0 {
			p.actions[r.Name] = r.Actions
		}
	}
	if o.Keyed {
		p.token = o.Token
	}
	var err error
	p.allow, err = compileAllowances(o.Allow)
	return p, err
}

// id is the digest of what the options say, in whatever order they say it; ""
// if they say nothing.
func (o Options) id() string {
	canonical := Options{Off: sorted(o.Off), Keyed: o.Keyed, Allow: slices.Clone(o.Allow), Rules: slices.Clone(o.Rules)}
	for i, r := range canonical.Rules {
		r.Keywords, r.Keys, r.Paths, r.Actions = sorted(r.Keywords), sorted(r.Keys), sorted(r.Paths), sorted(r.Actions)
		canonical.Rules[i] = r
	}
	slices.SortFunc(canonical.Rules, byWire[Rule])
	slices.SortFunc(canonical.Allow, byWire[Allowance])
	for name, class := range o.Fields {
		if class != Sensitive {
			if canonical.Fields == nil {
				canonical.Fields = map[string]Class{}
			}
			canonical.Fields[name] = class
		}
	}
	text := audit.CanonicalJSON(canonical)
	if string(text) == "{}" {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func byWire[T any](a, b T) int {
	return strings.Compare(string(audit.CanonicalJSON(a)), string(audit.CanonicalJSON(b)))
}

func sortedNames[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// normalName is a name without its spelling: acmeCode and ACME-CODE are acme_code.
func normalName(name string) string { return strings.Join(splitWords(name), "_") }

// gateWords are what the gate looks for so that custom keys are found in text:
// of each its longest word, which every spelling contains.
func (p *policy) gateWords() []string {
	if p == nil {
		return nil
	}
	words := map[string]bool{}
	for key := range p.keys {
		words[slices.MaxFunc(strings.Split(key, "_"), func(a, b string) int { return len(a) - len(b) })] = true
	}
	return sortedNames(words)
}

// key returns the rule that calls the values of this name secret, if any.
func (p *policy) key(name string) string {
	if p == nil || len(p.keys) == 0 || !p.endsLikeKey(name) {
		return ""
	}
	words := splitWords(name)
	for n := min(len(words), p.longest); n > 0; n-- {
		if rule := p.keys[strings.Join(words[len(words)-n:], "_")]; rule != "" && !p.off[rule] {
			return rule
		}
	}
	return ""
}

// endsLikeKey spares most names from being split.
func (p *policy) endsLikeKey(name string) bool {
	end := len(name)
	for end > 0 && !isAlnum(name[end-1]) {
		end--
	}
	if end == 0 {
		return false
	}
	return slices.ContainsFunc(p.ends[name[end-1]|0x20], func(last string) bool {
		return len(last) <= end && strings.EqualFold(name[end-len(last):end], last)
	})
}

// keep leaves out what the policy lets stay: rules that are off, and allowed
// values wherever they are.
func (p *policy) keep(s string, found []finding) []finding {
	if p == nil || len(p.off) == 0 && len(p.allow) == 0 {
		return found
	}
	return slices.DeleteFunc(found, func(f finding) bool {
		return p.off[f.Rule] || p.allows(f.Rule, "", s[f.Start:f.End], false)
	})
}

// keepAt leaves out what is allowed at path. What a finding decodes to may be
// several values, so only those count that stand there as they are.
func (p *policy) keepAt(path, s string, found []finding) []finding {
	if p == nil || len(p.allow) == 0 || path == "" {
		return found
	}
	return slices.DeleteFunc(found, func(f finding) bool {
		whole := f.Start == 0 && f.End == len(s)
		return f.secret == "" && p.allows(f.Rule, path, s[f.Start:f.End], whole)
	})
}

// class of a field of the record.
func (p *policy) class(field string) Class {
	if p == nil {
		return Sensitive
	}
	return p.classes[field]
}

// forAction returns the redactor for records of this action type. A mask in it
// counts as something no rule asks for by name, so that a record whose action
// type was masked is redacted by no other rules than before.
func (r *Redactor) forAction(action string) *Redactor {
	if r.policy == nil || len(r.policy.actions) == 0 {
		return r
	}
	for masks := masksIn(action); len(masks) > 0; masks = masksIn(action) {
		action = action[:masks[0].start] + "\x00" + action[masks[0].end:]
	}
	p := *r.policy
	p.off = maps.Clone(p.off)
	for rule, patterns := range p.actions {
		if !slices.ContainsFunc(patterns, func(pattern string) bool { return wildcard(pattern, action) }) {
			p.off[rule] = true
		}
	}
	other := *r
	other.policy = &p
	return &other
}

// wildcard matches s against a pattern in which * is any text.
func wildcard(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return s == pattern
	}
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}
