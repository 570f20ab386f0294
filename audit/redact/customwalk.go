package redact

import "strings"

// pathStep is how far one of the policy's paths has been followed.
type pathStep struct{ path, at int }

// start begins all paths, at action_parameters.
func (p *policy) start() []pathStep {
	if p == nil || len(p.paths) == 0 {
		return nil
	}
	steps := make([]pathStep, len(p.paths))
	for i := range p.paths {
		steps[i] = pathStep{path: i}
	}
	return steps
}

// follow goes on to the member called name. It returns the rule of a path that
// ends there, if one does.
func (p *policy) follow(steps []pathStep, name string) (next []pathStep, rule string) {
	for _, s := range steps {
		segments := p.paths[s.path].segments
		for ; segments[s.at] == "**"; s.at++ { // stay, or go on as if it were not there
			next = append(next, s)
		}
		if segments[s.at] != "*" && segments[s.at] != name {
			continue
		}
		if s.at++; s.at < len(segments) {
			next = append(next, s)
		} else if r := p.paths[s.path].rule; rule == "" && !p.off[r] {
			rule = r
		}
	}
	return next, rule
}

// custom applies the policy's keys and paths to the member called name.
func (w *walker) custom(name string, p place) place {
	policy := w.r.policy
	if policy == nil {
		return p
	}
	steps, rule := policy.follow(p.steps, name)
	p.steps = steps
	if p.rule != "" {
		return p // everything below belongs to the first
	}
	if p.rule = rule; rule == "" {
		p.rule = policy.key(name)
	}
	return p
}

// customPair is what the policy says of {name: ACME_CODE, value: …}.
func (w *walker) customPair(o map[string]any) string {
	if w.r.policy == nil {
		return ""
	}
	for _, field := range []string{"name", "Name", "key", "Key"} {
		if name, ok := o[field].(string); ok {
			if rule := w.r.policy.key(name); rule != "" {
				return rule
			}
		}
	}
	return ""
}

// customFlag is what the policy says of --acme-code in front of its value.
func (w *walker) customFlag(s string) string {
	if w.r.policy == nil || !strings.HasPrefix(s, "-") || strings.ContainsAny(s, "= ") {
		return ""
	}
	return w.r.policy.key(s)
}

// excuse takes from a place what the policy lets stay of it.
func (w *walker) excuse(p place, value string) place {
	policy := w.r.policy
	if policy == nil {
		return p
	}
	lets := func(rule string) bool { return policy.off[rule] || policy.allows(rule, p.path, value, true) }
	if p.rule != "" && policy.allows(p.rule, p.path, value, true) {
		p.rule = ""
	}
	if p.secret && lets(ruleSecret) {
		p.secret = false
	}
	if p.kind != plain && lets(p.kind.rule()) {
		p.kind = plain
	}
	return p
}

// custom reads the value of a name that the policy calls secret.
func (a *assignments) custom(rule string, start, end int) {
	v, ok := a.value(start, end, context{kind: password, words: 2, strict: true, policy: true})
	if ok && v.start < v.end {
		a.out = append(a.out, finding{Finding: Finding{rule, v.start, v.end}})
		a.done = max(a.done, v.end)
	}
}
