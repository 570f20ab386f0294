package redact

import "strings"

// Secrets may run over line ends: base64 is wrapped at 64 or 76 columns, mails
// and terminals wrap at theirs, YAML and shells go on behind a backslash.

const (
	// leastWrapped is the width in bytes below which nobody wraps.
	leastWrapped = 40
	// tailRun and headRun are how much of a word must stand on either side of a
	// line end for it to be one word.
	tailRun, headRun = 10, 4
)

// widths are those at which tools wrap.
var widths = map[int]bool{60: true, 64: true, 70: true, 72: true, 75: true, 76: true, 78: true, 79: true, 80: true, 100: true, 120: true, 128: true, 132: true}

// textLine is a line without its line end.
type textLine struct {
	start, end, next int
	indent           int
}

func lineAt(s string, start int) textLine {
	l := textLine{start: start, end: lineFeed(s, start)}
	l.next = l.end + 1
	if l.end > start && s[l.end-1] == '\r' {
		l.end--
	}
	for at := start; at < l.end && (s[at] == ' ' || s[at] == '\t'); at++ {
		l.indent++
	}
	return l
}

func (l textLine) width() int { return l.end - l.start }

// joinedViews are the stretches of lines that seem to have been wrapped, put
// together again, each with the line above it, which may hold the name.
func joinedViews(s string) (vs []view) {
	var above, begin textLine
	open := false
	l := lens{}
	line := lineAt(s, 0)
	for line.next < len(s) {
		next := lineAt(s, line.next)
		cut, joins := joint(s, line, next)
		if joins {
			if !open {
				open, begin = true, line
				l = lens{v: view{from: above.start}}
				l.copy(s[above.start:begin.start])
			}
			l.copy(s[begin.start:cut])
			l.skip(next.start + next.indent - cut)
			begin = textLine{start: next.start + next.indent}
		} else if open {
			l.copy(s[begin.start:line.end])
			vs = append(vs, l.view())
			open = false
		}
		above, line = line, next
	}
	if open {
		l.copy(s[begin.start:line.end])
		vs = append(vs, l.view())
	}
	return vs
}

// joint tells whether a line goes on in the next, and where to cut it.
func joint(s string, a, b textLine) (cut int, joins bool) {
	if a.end > a.start && s[a.end-1] == '\\' {
		return a.end - 1, b.end > b.start
	}
	if a.width() < leastWrapped || b.end-b.start-b.indent < headRun || !wrapped(a, b) || strings.HasPrefix(s[b.start+b.indent:], "-----") {
		return 0, false
	}
	if !allToken(s[max(a.start, a.end-tailRun):a.end]) || !allToken(s[b.start+b.indent:b.start+b.indent+headRun]) {
		return 0, false
	}
	return a.end, !dated(s[b.start+b.indent:b.end]) && !named(s[b.start+b.indent:b.end])
}

// wrapped tells whether the line a has the width at which something wraps: a
// known one, that of the next line, or one that the next does not reach.
func wrapped(a, b textLine) bool {
	w, inner := a.width(), a.width()-a.indent
	return widths[w] || widths[inner] || w == b.width() || inner == b.width()-b.indent
}

func allToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isBase64(c) && c != '=' && c != '.' && c != '~' && c != '%' {
			return false
		}
	}
	return s != ""
}

// named tells lines that begin with a name and a colon.
func named(s string) bool {
	i := strings.IndexByte(s[:min(len(s), maxName)], ':')
	return i > 0 && (i+1 == len(s) || s[i+1] == ' ') && allToken(s[:i])
}

// dated tells lines of logs, which begin anew.
func dated(s string) bool {
	return len(s) >= 5 && isDigit(s[0]) && isDigit(s[1]) && (isDigit(s[2]) && isDigit(s[3]) && s[4] == '-' || s[2] == ':')
}
