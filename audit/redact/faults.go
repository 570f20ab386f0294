package redact

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	re2 "github.com/wasilibs/go-re2"
)

const (
	// maxCustom bounds the entries of a policy, of each kind.
	maxCustom = 500
	// maxPattern bounds an expression in bytes.
	maxPattern = 2000
)

var ruleName = regexp.MustCompile(`^[a-z][a-z0-9-]{1,31}$`)

// Faults lists everything that is wrong with the options, in their order.
func (o Options) Faults() []Fault {
	c := check{}
	c.off(o.Off)
	c.rules(o.Rules)
	c.allow(o)
	c.fields(o.Fields)
	if o.Keyed && o.Token == nil {
		c.tell("tokens", "are keyed, but there is no key for tokens")
	}
	return c.faults
}

type check struct{ faults []Fault }

func (c *check) tell(field, problem string, args ...any) {
	c.faults = append(c.faults, Fault{field, fmt.Sprintf(problem, args...)})
}

func (c *check) off(names []string) {
	known := BuiltinRules()
	for i, name := range names {
		field := fmt.Sprintf("off[%d]", i)
		switch {
		case name == ruleUnprocessable:
			c.tell(field, "what cannot be processed is masked, always")
		case !slices.Contains(known, name):
			c.tell(field, "there is no built-in rule of this name")
		case slices.Contains(names[:i], name):
			c.tell(field, "is there twice")
		}
	}
}

func (c *check) rules(rules []Rule) {
	if len(rules) > maxCustom {
		c.tell("rules", "are more than %d", maxCustom)
		return
	}
	taken := map[string]bool{ruleUnprocessable: true, ruleField: true}
	for _, name := range BuiltinRules() {
		taken[name] = true
	}
	for i, r := range rules {
		field := fmt.Sprintf("rules[%d]", i)
		switch {
		case !ruleName.MatchString(r.Name):
			c.tell(field+".name", "want 2 to 32 small letters, digits and -, a letter first")
		case taken[r.Name]:
			c.tell(field+".name", "is the name of another rule")
		}
		taken[r.Name] = true
		c.rule(field, r)
	}
}

func (c *check) rule(field string, r Rule) {
	if r.Pattern == "" && len(r.Keys) == 0 && len(r.Paths) == 0 {
		c.tell(field, "has neither pattern nor keys nor paths, so it masks nothing")
	}
	switch {
	case r.Pattern != "":
		if problem := faultyPattern(r.Pattern); problem != "" {
			c.tell(field+".pattern", "%s", problem)
		}
		if len(r.Keywords) == 0 {
			c.tell(field+".keywords", "are required with a pattern: what does every match contain?")
		}
	case len(r.Keywords) > 0:
		c.tell(field+".keywords", "are for a pattern, and there is none")
	}
	for i, w := range r.Keywords {
		if len(w) < 3 || !printableASCII(w) {
			c.tell(fmt.Sprintf("%s.keywords[%d]", field, i), "want at least 3 bytes of printable ASCII")
		}
	}
	for i, key := range r.Keys {
		if normalName(key) == "" || len(key) > maxName || !printableASCII(key) {
			c.tell(fmt.Sprintf("%s.keys[%d]", field, i), "want a name of ASCII letters and digits, at most %d bytes", maxName)
		}
	}
	for i, path := range r.Paths {
		if problem := parameterPath(path); problem != "" {
			c.tell(fmt.Sprintf("%s.paths[%d]", field, i), "%s", problem)
		}
	}
	for i, action := range r.Actions {
		if strings.Trim(action, "*") == "" || strings.Contains(action, maskOpen) {
			c.tell(fmt.Sprintf("%s.actions[%d]", field, i), "want an action type, of which * may be a part; none means all")
		}
	}
}

// faultyPattern tells what is wrong with an expression in RE2's syntax.
func faultyPattern(pattern string) string {
	if len(pattern) > maxPattern {
		return fmt.Sprintf("is longer than %d bytes", maxPattern)
	}
	compiled, err := re2.Compile(pattern)
	if err != nil {
		return "is not an RE2 expression: " + err.Error()
	}
	if compiled.MatchString("") {
		return "matches nothing at all, so it would match everywhere"
	}
	return ""
}

func printableASCII(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) < 0
}

// parameterPath tells what is wrong with a path into the parameters.
func parameterPath(path string) string {
	segments := strings.Split(path, ".")
	switch {
	case segments[0] != parametersPath || len(segments) < 2:
		return "want action_parameters. and names, joined by dots"
	case slices.Contains(segments, "") || strings.Contains(path, maskOpen) || len(segments) > 64:
		return "want at most 64 names, none empty or masked"
	case segments[len(segments)-1] == "**":
		return "must not end in **, which is all below"
	}
	return ""
}

func (c *check) fields(classes map[string]Class) {
	for _, name := range sortedNames(classes) {
		where, class := "fields."+name, classes[name]
		switch {
		case !isField(name):
			c.tell(where, "there is no such field that redaction looks at")
		case class != Public && class != Sensitive && class != Secret:
			c.tell(where, "want %s, %s or %s", Public, Sensitive, Secret)
		case class == Public && freeText[name]:
			c.tell(where, "holds what anybody prints, so it cannot be public")
		}
	}
}

// isField tells the fields of a record that redaction looks at.
func isField(name string) bool {
	return name == parametersPath || slices.ContainsFunc((&work{}).fields(), func(f field) bool { return f.name == name })
}

// freeText fields are filled by programs, not chosen by people.
var freeText = set("output error action_parameters")
