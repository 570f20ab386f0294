package redact

import (
	"encoding/json"
	"sort"
	"strconv"
	"strings"

	"github.com/auditflow/auditflow/audit"
)

// maxNesting is how many JSON texts inside each other are opened.
const maxNesting = 6

// walker masks in one JSON value; what it masks goes to the work's books.
type walker struct {
	*work
	nesting int
	// forSecret: the action's target is a Secret, so data in its parameters is
	// secret although no kind says so (a patch, for instance).
	forSecret bool
}

// place is where the walker stands.
type place struct {
	path   string
	kind   kind       // of the nearest name that says the values below it are secret
	secret bool       // below data or stringData of a Secret
	rule   string     // of the policy, which says that the values below are secret
	steps  []pathStep // how far the policy's paths have been followed
}

// at leads on to a member. Names too long to be names are left out of paths,
// which are kept in clear.
func (p place) at(key string) place {
	if len(key) > 64 {
		key = "…"
	}
	if len(p.path) <= maxPath {
		p.path += "." + key
	}
	return p
}

func (w *walker) value(v any, p place) any {
	switch v := v.(type) {
	case map[string]any:
		return w.object(v, p)
	case []any:
		return w.array(v, p)
	case string:
		return w.text(v, p)
	case json.Number:
		return w.number(v, p)
	}
	return v
}

func (w *walker) object(o map[string]any, p place) any {
	isSecret := isSecretObject(o)
	named, customNamed := pairKind(o), w.customPair(o)
	out := make(map[string]any, len(o))
	for _, key := range sortedKeys(o) {
		name := w.plain(key, p.path)
		for _, twice := out[name]; twice; _, twice = out[name] {
			name += "~" // two names that are masked alike
		}
		below := w.custom(key, w.below(key, o[key], p.at(name)))
		if strings.EqualFold(key, "value") || strings.EqualFold(key, "values") {
			if named != plain {
				below.kind = named
			}
			if below.rule == "" {
				below.rule = customNamed
			}
		}
		if key == "value" && w.forSecret && patchesData(o) {
			below.secret = true
		}
		if key == "stringData" || key == "data" && (isSecret || w.forSecret) {
			below.secret = true
		}
		out[name] = w.value(o[key], below)
	}
	return out
}

// below decides what the name of a member says about what is below it.
func (w *walker) below(key string, v any, p place) place {
	if p.secret {
		return p
	}
	k, words := classify(key)
	if p.kind != plain && references[lastWord(key)] {
		p.kind = plain // credentials: {name: …, type: …}
	}
	if k == plain {
		return p
	}
	if s, ok := v.(string); k == someKey && (!ok || !plausible(s, context{kind: someKey, strict: true, quoted: true})) {
		return p
	}
	if _, object := v.(map[string]any); object && k == token && words == 1 {
		return p // auth: {type: …, enabled: …} is a group, not a value
	}
	p.kind = k
	return p
}

func lastWord(key string) string {
	words := splitWords(key)
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}

// patchesData tells operations of JSON Patch (RFC 6902) on what a Secret keeps.
func patchesData(o map[string]any) bool {
	path, _ := o["path"].(string)
	return strings.HasPrefix(path, "/data") || strings.HasPrefix(path, "/stringData")
}

func isSecretObject(o map[string]any) bool {
	if kind, _ := o["kind"].(string); strings.EqualFold(kind, "Secret") {
		return true
	}
	t, _ := o["type"].(string)
	return o["data"] != nil && (t == "Opaque" || strings.HasPrefix(t, "kubernetes.io/"))
}

// pairKind is what the name says in {name: DB_PASSWORD, value: …}.
func pairKind(o map[string]any) kind {
	for _, field := range []string{"name", "Name", "key", "Key", "path"} {
		if name, ok := o[field].(string); ok {
			if k, _ := classify(name); k != plain && k != someKey {
				return k
			}
		}
	}
	return plain
}

func (w *walker) array(list []any, p place) any {
	out := make([]any, len(list))
	var flag kind         // of --password in front of its value
	var customFlag string // the policy's rule for it
	for i, v := range list {
		index := strconv.Itoa(i)
		below := w.custom(index, p.at(index))
		s, ok := v.(string)
		if ok && !strings.HasPrefix(s, "-") {
			if flag != plain {
				below.kind = flag
			}
			if below.rule == "" {
				below.rule = customFlag
			}
		}
		flag, customFlag = plain, ""
		if ok {
			flag, customFlag = flagKind(s), w.customFlag(s)
		}
		out[i] = w.value(v, below)
	}
	return out
}

func flagKind(s string) kind {
	if !strings.HasPrefix(s, "-") || strings.ContainsAny(s, "= ") {
		return plain
	}
	if k, _ := classify(s); k != someKey {
		return k
	}
	return plain
}

func (w *walker) number(n json.Number, p place) any {
	p = w.excuse(p, string(n))
	switch {
	case p.rule != "", p.secret, p.kind == password:
	case p.kind != plain && len(n) >= 9 && digits(string(n)):
	case w.known.forms[string(n)] != "": // a known secret again, this time as a number
	default:
		return n
	}
	return w.mask(w.ruleFor(p), p.path, string(n))
}

func (w *walker) ruleFor(p place) string {
	switch {
	case p.rule != "":
		return p.rule
	case p.secret:
		return ruleSecret
	case p.kind != plain:
		return p.kind.rule()
	}
	return secret.rule()
}

// text masks a string of which the place says it is secret, and looks into
// every other.
func (w *walker) text(s string, p place) any {
	p = w.excuse(p, s)
	switch {
	case p.rule != "" && !wholeMask(s) && s != "" && !template(s):
		return w.mask(p.rule, p.path, s)
	case p.rule != "":
		return s
	case p.secret && !wholeMask(s) && s != "" && !template(s):
		return w.mask(ruleSecret, p.path, s)
	case p.secret:
		return s
	case p.kind != plain && !wholeMask(s):
		if !placeholder(s) {
			return w.mask(p.kind.rule(), p.path, s)
		}
	}
	return w.string(s, p)
}

// string looks into a text that may itself be JSON. JSON that was changed is
// written anew; what only looks like JSON and holds secrets is masked whole,
// because nobody knows where its values end.
func (w *walker) string(s string, p place) string {
	if looksJSON(s) && w.nesting < maxNesting {
		if v, ok := parse(s); ok {
			inner := walker{work: w.work, nesting: w.nesting + 1, forSecret: w.forSecret}
			before := w.masked
			v = inner.value(v, place{path: p.path, steps: p.steps})
			if w.masked != before {
				return string(audit.CanonicalJSON(v))
			}
		} else if found := w.r.scanAt(s, p.path); len(found) > 0 && strings.HasPrefix(p.path, parametersPath) {
			return w.mask(found[0].Rule, p.path, s)
		}
	}
	return w.plain(s, p.path)
}

func wholeMask(s string) bool {
	masks := masksIn(s)
	return len(masks) == 1 && masks[0] == span{0, len(s)}
}

func looksJSON(s string) bool {
	s = strings.TrimSpace(s)
	return len(s) > 2 && (s[0] == '{' && strings.Contains(s, `"`) || s[0] == '[' && strings.ContainsAny(s, `"{`) && strings.HasSuffix(s, "]"))
}

func parse(s string) (any, bool) { return audit.DecodeJSON([]byte(s)) }

func sortedKeys(o map[string]any) []string {
	keys := make([]string, 0, len(o))
	for k := range o {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
