package redact

import (
	"strings"

	re2 "github.com/wasilibs/go-re2"
)

// rule masks a shape of text. What it masks is group 1 of the pattern, or the
// whole match when there is no group.
type rule struct {
	name     string
	keywords []string // every match contains one of them, in any case
	pattern  *re2.Regexp
	lines    bool // a match may run over line ends
}

// shape makes a rule of tokens that are recognised wherever they stand. Names
// are part of stored records: they may be added, not changed.
func shape(name, keywords, pattern string) rule {
	return rule{name: name, keywords: strings.Fields(keywords), pattern: re2.MustCompile(pattern)}
}

func builtinRules() []rule {
	return append(tokenRules(), contextRules()...)
}

// find runs the rule over one window of s.
func (r rule) find(s string, w span) []finding {
	if r.lines {
		return r.blocks(s, w)
	}
	var found []finding
	for _, m := range r.pattern.FindAllStringSubmatchIndex(s[w.start:w.end], -1) {
		start, end := m[0], m[1]
		if len(m) > 2 && m[2] >= 0 {
			start, end = m[2], m[3]
		}
		start, end = start+w.start, end+w.start
		if end == w.end { // the window may have ended before the token
			for end < len(s) && (isBase64(s[end]) || s[end] == '=') {
				end++
			}
		}
		if start < end && !masked(s[start:end]) {
			found = append(found, finding{Finding: Finding{r.name, start, end}})
		}
	}
	return found
}

// masked tells tokens that somebody has made unreadable already, and those in
// documentation: AKIAXXXXXXXXXXXXXXXX, ghp_****, ${PASSWORD}.
func masked(v string) bool {
	return placeholder(v) || strings.Trim(v[max(0, len(v)-10):], ".") == ""
}

// blocks masks from every line that opens a private key to the line that
// closes it. One that is not closed was cut: it runs to the end.
func (r rule) blocks(s string, w span) []finding {
	var found []finding
	at := w.start
	for _, m := range r.pattern.FindAllStringIndex(s[w.start:w.end], -1) {
		start, body, end := w.start+m[0], w.start+m[1], w.end
		if start < at || !keyBody(s[body:min(len(s), body+1024)]) {
			continue
		}
		if i := strings.Index(s[body:w.end], "-----END"); i >= 0 {
			end = body + i + len("-----END")
			if j := strings.Index(s[end:min(w.end, end+64)], "-----"); j >= 0 {
				end += j + len("-----")
			}
		}
		found = append(found, finding{Finding: Finding{r.name, start, end}})
		at = end
	}
	return found
}

// keyBody tells whether a key follows, rather than the rest of a sentence about
// keys or a placeholder.
func keyBody(s string) bool {
	run := 0
	for i := range len(s) {
		if !isBase64(s[i]) && s[i] != '=' {
			run = 0
		} else if run++; run >= 16 && s[i] != '-' {
			return true
		}
	}
	return false
}
