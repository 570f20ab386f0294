package redact

import "strings"

// maxPair bounds how far apart the two halves of a pair stand.
const maxPair = 256

// valueBefore finds the value of a pair whose value comes first: {value: v,
// name: KEY}, where the name KEY begins at start.
func (a *assignments) valueBefore(start int) (int, bool) {
	p := start - 1
	for p >= 0 && strings.IndexByte("\\\"' ", a.text[p]) >= 0 {
		p--
	}
	if p < 0 || a.text[p] != ':' {
		return 0, false
	}
	end := p
	for p > 0 && !isNameByte(a.text[p-1]) && end-p < 8 {
		p--
	}
	end = p
	for p > 0 && isAlpha(a.text[p-1]) && end-p < 8 {
		p--
	}
	if word := a.text[p:end]; !strings.EqualFold(word, "name") && !strings.EqualFold(word, "key") {
		return 0, false
	}
	from := max(0, p-maxPair)
	near := a.text[from:p]
	i := strings.LastIndex(near, "value")
	if i < 0 || strings.ContainsAny(near[i:], "{}[]") || strings.Count(near[i:], "\n") > 1 {
		return 0, false
	}
	q := a.spaces(a.quotes(from + i + len("value")))
	if a.at(q) != ':' {
		return 0, false
	}
	return q + 1, true
}
