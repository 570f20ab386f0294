package redact

import (
	"fmt"
	"strings"

	re2 "github.com/wasilibs/go-re2"
)

// allowance is an [Allowance] ready for use.
type allowance struct {
	Allowance
	pattern *re2.Regexp
	path    []string
}

// strangers are values nobody knows beforehand. A pattern that allows one of
// them would allow people's passwords, or tokens of any maker.
var strangers = []string{
	"hunter2", "correct-horse-7", "Tr0ub4dor&3", "s3cr3t!", "letmein", "20251224",
	"q7Wm2ZrT9xKd4VbN8sLp3HcY6fGj1QaE5uRo0XiM", "3f9a12bc4d5e6f708192a3b4c5d6e7f8",
	"eyJhbGciOi.eyJzdWIiOiI.c2lnbmF0dXJl", "b64/Zm9v+YmFyYmF6cXV4cXV1eA==", "correct horse battery staple",
}

func (c *check) allow(o Options) {
	if len(o.Allow) > maxCustom {
		c.tell("allow", "has more than %d entries", maxCustom)
		return
	}
	names := map[string]bool{}
	for _, name := range BuiltinRules() {
		names[name] = true
	}
	for _, r := range o.Rules {
		names[r.Name] = true
	}
	for i, a := range o.Allow {
		c.allowance(fmt.Sprintf("allow[%d]", i), a, names)
	}
}

func (c *check) allowance(field string, a Allowance, rules map[string]bool) {
	if strings.TrimSpace(a.Reason) == "" {
		c.tell(field+".reason", "is required: why is this no secret?")
	}
	if a.Value != "" && a.Pattern != "" {
		c.tell(field, "has both a value and a pattern; make two entries")
	}
	if a.Value == "" && a.Pattern == "" && (a.Rule == "" || a.Path == "") {
		c.tell(field, "says too little: want a value, a pattern, or a rule and a path")
	}
	if a.Pattern != "" {
		c.allowedPattern(field+".pattern", a.Pattern)
	}
	if a.Rule != "" && !rules[a.Rule] {
		c.tell(field+".rule", "there is no rule of this name, or none that a policy can change")
	}
	c.allowedPath(field+".path", a)
}

func (c *check) allowedPattern(field, pattern string) {
	if problem := faultyPattern(pattern); problem != "" {
		c.tell(field, "%s", problem)
		return
	}
	whole, err := re2.Compile(wholePattern(pattern))
	if err != nil {
		c.tell(field, "is not an RE2 expression")
		return
	}
	for _, s := range strangers {
		if whole.MatchString(s) {
			c.tell(field, "is too wide: it would also let %q stay", s)
			return
		}
	}
}

func (c *check) allowedPath(field string, a Allowance) {
	name, _, below := strings.Cut(a.Path, ".")
	switch {
	case a.Path == "":
	case below:
		if problem := parameterPath(a.Path); problem != "" {
			c.tell(field, "%s", problem)
		} else if strings.Contains(a.Path, "**") || strings.HasSuffix(a.Path, ".*") {
			c.tell(field, "must not contain ** or end in *: that is more than one value")
		}
	case a.Value == "" && a.Pattern == "":
		c.tell(field, "is a whole text; say which value in it, or a path below action_parameters")
	case !isField(name):
		c.tell(field, "there is no such field that redaction looks at")
	}
}

// wholePattern keeps a pattern from speaking for more than it matches.
func wholePattern(pattern string) string { return `\A(?:` + pattern + `)\z` }

func compileAllowances(list []Allowance) ([]allowance, error) {
	out := make([]allowance, len(list))
	for i, a := range list {
		out[i] = allowance{Allowance: a}
		if a.Path != "" {
			out[i].path = strings.Split(a.Path, ".")
		}
		if a.Pattern != "" {
			compiled, err := re2.Compile(wholePattern(a.Pattern))
			if err != nil {
				return nil, fmt.Errorf("allow[%d].pattern: is not an RE2 expression", i)
			}
			out[i].pattern = compiled
		}
	}
	return out, nil
}

// fits tells whether the policy lets value stay where rule found it at path.
// whole says that value is all there is at path.
func (a allowance) fits(rule, path, value string, whole bool) bool {
	if a.Rule != "" && a.Rule != rule || a.Value == "" && a.pattern == nil && !whole {
		return false
	}
	if a.path != nil && !matchPath(a.path, path) {
		return false
	}
	value = strings.TrimSpace(value)
	return (a.Value == "" || a.Value == value) && (a.pattern == nil || a.pattern.MatchString(validUTF8(value)))
}

func matchPath(pattern []string, path string) bool {
	for i, segment := range pattern {
		name, rest, more := strings.Cut(path, ".")
		if segment != "*" && segment != name || more != (i < len(pattern)-1) {
			return false
		}
		path = rest
	}
	return true
}

func (p *policy) allows(rule, path, value string, whole bool) bool {
	if p == nil || rule == ruleUnprocessable || rule == ruleField {
		return false
	}
	for _, a := range p.allow {
		if a.fits(rule, path, value, whole) {
			return true
		}
	}
	return false
}
