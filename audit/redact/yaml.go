package redact

import (
	"slices"
	"sort"
	"strings"
)

// yamlLine is a line as far as Secrets need to know it.
type yamlLine struct {
	start, end int // in the text, without the line's end and spaces before it
	column     int // of the name, or of the text where there is none; -1 for empty lines
	item       int // the column of a dash in front of it, or -1
	key, value string
}

// maxYAMLName bounds the names that are looked at.
const maxYAMLName = 128

func yamlLines(s string, skip int) []yamlLine {
	lines := make([]yamlLine, 0, strings.Count(s, "\n")+1)
	for at := 0; at < len(s); {
		eol := strings.IndexByte(s[at:], '\n')
		if eol < 0 {
			eol = len(s) - at
		}
		lines = append(lines, readYAML(s, min(at+skip, at+eol), at+eol))
		at += eol + 1
	}
	return lines
}

func readYAML(s string, start, end int) yamlLine {
	for end > start && (s[end-1] == '\r' || s[end-1] == ' ' || s[end-1] == '\t') {
		end--
	}
	l := yamlLine{start: start, end: end, column: -1, item: -1}
	at := start
	for at < end {
		switch {
		case s[at] == ' ' || s[at] == '\t':
			at++
			continue
		case s[at] == '-' && at+1 < end && s[at+1] == ' ':
			l.item = at - start
			at++
			continue
		}
		break
	}
	if at == end || s[at] == '#' {
		return l
	}
	l.column = at - start
	if strings.HasPrefix(s[at:end], "---") {
		l.column = -2 // a new document
		return l
	}
	name := s[at:min(end, at+maxYAMLName)]
	if i := strings.IndexByte(name, ':'); i > 0 && (at+i+1 == end || s[at+i+1] == ' ') {
		l.key = strings.Trim(name[:i], `"'`)
		l.value = strings.TrimSpace(s[at+i+1 : end])
	}
	return l
}

// mapping is a YAML mapping that is being read.
type mapping struct {
	column int
	kind   string
	secret bool  // its type is one of a Secret
	data   []int // the lines that name its data
}

// secretData finds the lines data: and stringData: of Secrets, ascending: the
// names beside them say so or, where those do not say a kind at all because the
// text was cut, something near.
func secretData(lines []yamlLine) []int {
	var found, kinds []int
	var open []mapping
	closeFrom := func(column int) {
		for len(open) > 0 && open[len(open)-1].column >= column {
			m := open[len(open)-1]
			open = open[:len(open)-1]
			for _, i := range m.data {
				if m.isSecret(lines[i].key, func() bool { return near(kinds, lines, i) }) && (m.kind != "" || !describes(lines, i)) {
					found = append(found, i)
				}
			}
		}
	}
	for i, l := range lines {
		if l.key == "kind" && strings.Trim(l.value, `"'`) == "Secret" {
			kinds = append(kinds, i)
		}
	}
	for i, l := range lines {
		switch {
		case l.column == -2:
			closeFrom(0)
			continue
		case l.column == -1:
			continue
		case l.item >= 0:
			closeFrom(l.column)
		default:
			closeFrom(l.column + 1)
		}
		if len(open) == 0 || open[len(open)-1].column < l.column {
			open = append(open, mapping{column: l.column})
		}
		open[len(open)-1].read(i, l)
	}
	closeFrom(0)
	slices.Sort(found)
	return found
}

func (m *mapping) read(i int, l yamlLine) {
	v := strings.Trim(l.value, `"'`)
	switch l.key {
	case "kind":
		m.kind = v
	case "type":
		m.secret = m.secret || v == "Opaque" || strings.HasPrefix(v, "kubernetes.io/") || v == "bootstrap.kubernetes.io/token" || strings.HasPrefix(v, "helm.sh/release")
	case "data", "stringData":
		m.data = append(m.data, i)
	}
}

func (m *mapping) isSecret(key string, near func() bool) bool {
	if strings.EqualFold(m.kind, "Secret") || m.secret || key == "stringData" {
		return true
	}
	return m.kind == "" && near()
}

// maxSchema is how many lines the schema of a field takes.
const maxSchema = 32

// describes tells the schema of a field (in a CustomResourceDefinition, for
// one) from the field: below it stand the type and what is said about it.
func describes(lines []yamlLine, i int) bool {
	typed, told := false, false
	for _, l := range lines[i+1 : min(len(lines), i+maxSchema)] {
		if l.column == -1 {
			continue
		}
		if l.column <= lines[i].column {
			break
		}
		typed = typed || l.key == "type" && (l.value == "object" || l.value == "string") || l.key == "default" && l.value == "{}"
		told = told || l.key == "description" || l.key == "additionalProperties"
	}
	return typed && told
}

// farKind is how many lines away a kind is looked for when the mapping has none.
const farKind = 200

func near(kinds []int, lines []yamlLine, i int) bool {
	at := sort.SearchInts(kinds, i-farKind)
	return at < len(kinds) && kinds[at] < i+farKind && lines[i].key != ""
}
