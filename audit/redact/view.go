package redact

import (
	"sort"
	"strings"
)

// view is a stretch of a text as a reader or program would take it.
type view struct {
	text  string
	from  int    // where in the text it begins
	steps []step // ascending
}

// step says that from offset at on the original is ahead by shift bytes.
type step struct{ at, shift int }

// original maps an offset in the view to one in the text it was made from.
func (v view) original(at int) int {
	i := sort.Search(len(v.steps), func(i int) bool { return v.steps[i].at > at })
	if i == 0 {
		return v.from + at
	}
	return v.from + at + v.steps[i-1].shift
}

// lens writes a view.
type lens struct {
	b     strings.Builder
	v     view
	shift int
}

// put adds c, which stands for size bytes of the original; keep false leaves
// them out.
func (l *lens) put(c byte, size int, keep bool) {
	written := 0
	if keep {
		l.b.WriteByte(c)
		written = 1
	}
	if size != written {
		l.shift += size - written
		l.step()
	}
}

// copy adds a stretch as it is.
func (l *lens) copy(s string) { l.b.WriteString(s) }

// skip leaves out a stretch.
func (l *lens) skip(size int) { l.put(0, size, false) }

func (l *lens) step() {
	if n := len(l.v.steps); n > 0 && l.v.steps[n-1].at == l.b.Len() {
		l.v.steps[n-1].shift = l.shift
		return
	}
	l.v.steps = append(l.v.steps, step{l.b.Len(), l.shift})
}

func (l *lens) view() view {
	l.v.text = l.b.String()
	return l.v
}

// views are all the ways to see s that differ from s itself.
func views(s string) []view { return append(append(plainViews(s), joinedViews(s)...), formViews(s)...) }

// plainViews decode \u0041, %41, &#65; and leave out terminal colours and
// invisible characters, in the lines that have some.
func plainViews(s string) (vs []view) {
	for at := 0; at < len(s); {
		first := firstUnit(s, at)
		if first == len(s) {
			return vs
		}
		start := strings.LastIndexByte(s[at:first], '\n') + 1 + at
		end := first
		for end < len(s) { // on to the first line without
			eol := lineFeed(s, end)
			end = min(eol+1, len(s))
			if end == len(s) || firstUnit(s[:lineFeed(s, end)], end) == lineFeed(s, end) {
				break
			}
		}
		vs = append(vs, plainView(s, start, end))
		at = end
	}
	return vs
}

// lineFeed is where the line that holds at ends.
func lineFeed(s string, at int) int {
	if i := strings.IndexByte(s[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(s)
}

// firstUnit is where the first encoded character behind at is, or the end.
func firstUnit(s string, at int) int {
	for ; at < len(s); at++ {
		if encodes[s[at]] {
			if size, _, keep := unit(s[at:]); size > 1 || !keep {
				return at
			}
		}
	}
	return len(s)
}

func plainView(s string, start, end int) view {
	l := lens{v: view{from: start}}
	l.b.Grow(end - start)
	for at := start; at < end; {
		if !encodes[s[at]] {
			l.b.WriteByte(s[at])
			at++
			continue
		}
		size, c, keep := unit(s[at:end])
		if size == 1 {
			c = s[at]
		}
		l.put(c, size, keep)
		at += size
	}
	return l.view()
}
