package redact

import (
	"sort"
	"strings"
)

const (
	maskOpen = "[REDACTED:"

	// ruleUnprocessable stands where redaction itself failed.
	ruleUnprocessable = "unprocessable"
)

// mask is what stands in place of a secret: [REDACTED:rule], or with a key
// [REDACTED:rule:token].
func mask(label string) string { return maskOpen + label + "]" }

type span struct{ start, end int }

// masksIn finds the masks in s, in ascending order.
func masksIn(s string) (masks []span) {
	for at := 0; ; {
		i := strings.Index(s[at:], maskOpen)
		if i < 0 {
			return masks
		}
		start := at + i
		end := start + len(maskOpen)
		for end < len(s) && (isLower(s[end]) || isDigit(s[end]) || s[end] == '-') {
			end++
		}
		if end > start+len(maskOpen) {
			end += tokenAt(s[end:])
		}
		if end < len(s) && s[end] == ']' && end > start+len(maskOpen) {
			end++
			masks = append(masks, span{start, end})
		}
		at = end
	}
}

// tokenAt returns the length of the colon and the token that s begins with, 0
// if it does not. Masks with tokens are known without a key, too.
func tokenAt(s string) int {
	const size = 1 + 2*tokenSize
	if len(s) < size || s[0] != ':' || strings.Trim(s[1:size], "0123456789abcdef") != "" {
		return 0
	}
	return size
}

// finding is a stretch that holds a secret, and the secret where it is not the
// stretch itself but what it decodes to.
type finding struct {
	Finding
	secret string
}

// settle makes findings fit to be applied: sorted, apart from each other, never
// through the middle of a mask, and without those that would mask nothing but
// masks. That last part is what makes redaction idempotent.
func settle(s string, found []finding) []finding {
	if len(found) == 0 {
		return nil
	}
	masks := masksIn(s)
	kept := found[:0]
	for _, f := range found {
		f.Start, f.End = around(masks, f.Start, f.End)
		if f.Start < f.End && substance(s, masks, f.Start, f.End) {
			kept = append(kept, f)
		}
	}
	sort.SliceStable(kept, func(i, j int) bool {
		if kept[i].Start != kept[j].Start {
			return kept[i].Start < kept[j].Start
		}
		return kept[i].End > kept[j].End
	})
	var out []finding
	for _, f := range kept {
		if n := len(out); n > 0 && f.Start < out[n-1].End {
			out[n-1].End = max(out[n-1].End, f.End)
			continue
		}
		out = append(out, f)
	}
	return out
}

// around widens a stretch to the whole of every mask it touches.
func around(masks []span, start, end int) (int, int) {
	i := sort.Search(len(masks), func(i int) bool { return masks[i].end > start })
	for ; i < len(masks) && masks[i].start < end; i++ {
		start, end = min(start, masks[i].start), max(end, masks[i].end)
	}
	return start, end
}

// substance tells whether there is a letter or digit outside of masks.
func substance(s string, masks []span, start, end int) bool {
	i := sort.Search(len(masks), func(i int) bool { return masks[i].end > start })
	for at := start; at < end; at++ {
		if i < len(masks) && at == masks[i].start {
			at = masks[i].end - 1
			i++
			continue
		}
		if isAlnum(s[at]) || s[at] >= 0x80 || s[at] == '$' || s[at] == '!' {
			return true
		}
	}
	return false
}

// edit keeps a text, what was masked in it, and where in the original that was.
type edit struct {
	original, text string
	masked         []Finding // offsets in original; Rule is the mask's label
}

func (e *edit) apply(found []finding) {
	var next []Finding
	old := e.masked
	at := 0 // offset in text minus offset in original, so far
	take := func(until int) {
		for len(old) > 0 && old[0].Start+at < until {
			next = append(next, old[0])
			at += len(mask(old[0].Rule)) - (old[0].End - old[0].Start)
			old = old[1:]
		}
	}
	for _, f := range found {
		take(f.Start)
		start := f.Start - at
		before := len(next)
		take(f.End)
		next = append(next[:before], Finding{f.Rule, start, f.End - at})
	}
	next = append(next, old...)
	e.masked = next
	e.render()
}

func (e *edit) render() {
	var b strings.Builder
	at := 0
	for _, f := range e.masked {
		b.WriteString(e.original[at:f.Start])
		b.WriteString(mask(f.Rule))
		at = f.End
	}
	b.WriteString(e.original[at:])
	e.text = b.String()
}

func (e *edit) findings() []Finding {
	for i, f := range e.masked {
		e.masked[i].Rule = ruleOf(f.Rule)
	}
	return e.masked
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isAlpha(c byte) bool { return isLower(c) || isUpper(c) }
func isAlnum(c byte) bool { return isAlpha(c) || isDigit(c) }
func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
