package redact

import (
	"slices"
	"strings"
)

// rule masks a shape of text. What it masks is the chosen group of the pattern,
// the first group that took part in the match, or all of it.
type rule struct {
	name     string
	keywords []string // every match contains one of them, in any case
	pattern  *pattern
	lines    bool // a match may run over line ends
	group    int  // the group that holds the secret; 0 means the first there is
	user     int  // the group that holds the name that goes with it; 0 means none
	whole    bool // all of the match is the secret, whatever its groups hold

	// ahead, if set, tells of what goes on behind a keyword whether it is worth a
	// look: see tokenAhead, spaceAhead and atAhead.
	ahead func(s string, at int) bool
	// check decides about what the pattern matched; nil accepts all of it.
	check func(found match) bool
	// beside: what is found counts only where a secret matches this close by;
	// nil does not ask.
	beside *pattern
}

// match is what a pattern found.
type match struct {
	secret string // the group that holds the secret
	whole  string // all of the match
	line   string // what it was found in: the line, or a part of a long one
}

// shape makes a rule of tokens that are recognised wherever they stand. Names
// are part of stored records: they may be added, not changed.
func shape(name, keywords, expression string) rule {
	return rule{name: name, keywords: strings.Fields(keywords), pattern: lazily(expression)}
}

// spaced makes a rule whose keywords are words of a command line.
func spaced(r rule) rule {
	r.ahead = spaceAhead
	return r
}

// withAt makes a rule whose matches have an @ behind the keyword.
func withAt(r rule) rule {
	r.ahead = atAhead
	return r
}

// on keeps a rule to lines that hold a word.
func on(word string, r rule) rule {
	r.check = func(m match) bool { return strings.Contains(strings.ToLower(m.line), word) }
	return r
}

// notWords excuses what has the beginning of a token and goes on in words, as
// in texts about tokens: glpat-your-token-goes-here.
func notWords(r rule) rule {
	r.check = func(m match) bool {
		body, _ := tokenBody(m.secret)
		l := lookAt(body)
		return l.worded*100 <= len(body)*55
	}
	return r
}

// notIn excuses tokens that end as their maker's documentation has them.
func notIn(end string, r rule) rule {
	r.check = func(m match) bool { return !strings.HasSuffix(m.secret, end) }
	return r
}

func builtinRules() []rule {
	rules := slices.Concat(tokenRules(), contextRules(), userRules())
	return append(rules, gitleaksRules()...)
}

// find runs the rule over one window of s.
func (r rule) find(s string, w span) []finding {
	if r.lines {
		return r.blocks(s, w)
	}
	var found []finding
	for _, m := range r.pattern.compile().FindAllStringSubmatchIndex(s[w.start:w.end], -1) {
		start, end := r.secretIn(m)
		start, end = start+w.start, end+w.start
		if end == w.end { // the window may have ended before the token
			for end < len(s) && (isBase64(s[end]) || s[end] == '=') {
				end++
			}
		}
		if start >= end || masked(s[start:end]) {
			continue
		}
		if r.check == nil || r.check(match{s[start:end], s[w.start+m[0] : w.start+m[1]], s[w.start:w.end]}) {
			found = append(found, finding{Finding: Finding{r.name, start, end}})
			found = append(found, r.userIn(s, w, m)...)
		}
	}
	if r.beside != nil {
		return r.besides(s, w, found)
	}
	return found
}

// secretIn returns where in a match the secret is.
func (r rule) secretIn(m []int) (start, end int) {
	if r.whole {
		return m[0], m[1]
	}
	if r.group > 0 && 2*r.group+1 < len(m) && m[2*r.group] >= 0 {
		return m[2*r.group], m[2*r.group+1]
	}
	for i := 2; i+1 < len(m); i += 2 {
		if m[i] >= 0 && m[i] < m[i+1] {
			return m[i], m[i+1]
		}
	}
	return m[0], m[1]
}

// masked tells tokens that somebody has made unreadable already, and those in
// documentation: AKIAXXXXXXXXXXXXXXXX, ghp_****, ${PASSWORD}.
func masked(v string) bool { return placeholder(v) || elided(v) || invented(v) }

// blocks masks from every line that opens a private key to the line that
// closes it. One that is not closed was cut: it runs to the end.
func (r rule) blocks(s string, w span) []finding {
	var found []finding
	at := w.start
	for _, m := range r.pattern.compile().FindAllStringIndex(s[w.start:w.end], -1) {
		start, body, end := w.start+m[0], w.start+m[1], w.end
		if start < at || !keyBody(s[body:min(len(s), body+1024)]) {
			continue
		}
		if i := strings.Index(s[body:w.end], "-----END"); i >= 0 {
			end = body + i + len("-----END")
			if j := strings.Index(s[end:min(w.end, end+64)], "---"); j >= 0 {
				for end += j; end < w.end && s[end] == '-'; {
					end++
				}
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
	if end := strings.Index(s, "-----END"); end >= 0 {
		s = s[:end]
	}
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
