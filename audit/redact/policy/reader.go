package policy

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader walks YAML and remembers where everything stands and what is wrong.
type reader struct {
	lines    map[string]int // of what stands at rules[0].name
	faults   []fault
	examples []example
}

type fault struct {
	line    int
	at      string
	problem string
}

func (f fault) Error() string {
	if f.at == "" {
		return fmt.Sprintf("line %d: %s", f.line, f.problem)
	}
	return fmt.Sprintf("line %d: %s: %s", f.line, f.at, f.problem)
}

func asErrors(faults []fault) []error {
	out := make([]error, len(faults))
	for i, f := range faults {
		out[i] = f
	}
	return out
}

// tell notes a fault. Problems never quote values: an allow list may name what
// should not travel in logs.
func (r *reader) tell(line int, at, problem string, args ...any) {
	r.faults = append(r.faults, fault{line, at, fmt.Sprintf(problem, args...)})
}

// line of what stands at a place, or else of the nearest that holds it.
func (r *reader) line(at string) int {
	for {
		if line, ok := r.lines[at]; ok {
			return line
		}
		at = at[:max(0, strings.LastIndexAny(at, ".["))]
	}
}

// told says whether something is wrong already with what stands at a place,
// with what holds it or with what it holds: then what it says is not worth a
// second complaint.
func (r *reader) told(at string) bool {
	for _, f := range r.faults {
		if f.at == at || within(at, f.at) || within(f.at, at) {
			return true
		}
	}
	return false
}

func within(inner, outer string) bool {
	return outer != "" && len(inner) > len(outer) && inner[:len(outer)] == outer && strings.IndexByte(".[", inner[len(outer)]) >= 0
}

type fields map[string]func(n *yaml.Node, at string)

// object reads a mapping of which every key is known.
func (r *reader) object(n *yaml.Node, at string, known fields) {
	r.pairs(n, at, func(name string, value *yaml.Node, place string) {
		read, ok := known[name]
		if !ok {
			r.tell(r.lines[place], at, "there is no key %s", shown(name))
			return
		}
		read(value, place)
	})
}

// shown keeps what stands in place of a key from filling a log.
func shown(name string) string {
	if len(name) > 40 {
		return fmt.Sprintf("%.40q…", name)
	}
	return fmt.Sprintf("%q", name)
}

// pairs reads a mapping of which every key is there once.
func (r *reader) pairs(n *yaml.Node, at string, each func(name string, n *yaml.Node, at string)) {
	if n.Kind != yaml.MappingNode {
		r.wrong(n, at, "keys and values")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			r.wrong(key, at, "a key")
			continue
		}
		place := key.Value
		if at != "" {
			place = at + "." + key.Value
		}
		if seen[key.Value] {
			r.tell(key.Line, at, "the key %s is there twice", shown(key.Value))
			continue
		}
		seen[key.Value] = true
		r.lines[place] = key.Line
		each(key.Value, value, place)
	}
}

func (r *reader) list(n *yaml.Node, at string, each func(n *yaml.Node, at string)) {
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, at, "a list")
		return
	}
	for i, item := range n.Content {
		place := fmt.Sprintf("%s[%d]", at, i)
		r.lines[place] = item.Line
		each(item, place)
	}
}

func (r *reader) texts(n *yaml.Node, at string) (texts []string) {
	r.list(n, at, func(n *yaml.Node, at string) {
		texts = append(texts, r.text(n, at))
	})
	return texts
}

// text reads a value as it is written: 1.10 stays 1.10, and yes stays yes.
func (r *reader) text(n *yaml.Node, at string) string {
	if n.Kind != yaml.ScalarNode {
		r.wrong(n, at, "a single value")
		return ""
	}
	if n.Value == "" || n.Tag == "!!null" {
		r.tell(n.Line, at, "is empty")
		return ""
	}
	if n.Tag == "!!binary" {
		r.wrong(n, at, "text")
		return ""
	}
	return n.Value
}

func (r *reader) wrong(n *yaml.Node, at, want string) {
	if n.Kind == yaml.AliasNode {
		r.tell(n.Line, at, "aliases are not understood; write it out")
		return
	}
	r.tell(n.Line, at, "want %s", want)
}
