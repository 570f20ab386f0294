package redact

import (
	"sort"
	"strings"
)

// view is a text as a reader or program would take it, with \u0041 and %41
// decoded and terminal colours and invisible characters left out.
type view struct {
	text  string
	steps []step // ascending
}

// step says that from offset at on the original is ahead by shift bytes.
type step struct{ at, shift int }

// original maps an offset in the view to one in the text it was made from.
func (v view) original(at int) int {
	i := sort.Search(len(v.steps), func(i int) bool { return v.steps[i].at > at })
	if i == 0 {
		return at
	}
	return at + v.steps[i-1].shift
}

// plainView returns false when the view would be the text itself.
func plainView(s string) (view, bool) {
	if !strings.ContainsAny(s, "%\x1b\u200b\u200c\u200d\u2060\ufeff\u202d\u202e\u2066\u2069") && !strings.Contains(s, `\u00`) {
		return view{}, false
	}
	var b strings.Builder
	var v view
	for at := 0; at < len(s); {
		size, c, keep := unit(s[at:])
		if keep {
			if size > 1 {
				b.WriteByte(c)
			} else {
				b.WriteByte(s[at])
			}
		}
		at += size
		if shift := at - b.Len(); shift != v.shift() {
			v.steps = append(v.steps, step{b.Len(), shift})
		}
	}
	v.text = b.String()
	return v, len(v.steps) > 0
}

func (v view) shift() int {
	if len(v.steps) == 0 {
		return 0
	}
	return v.steps[len(v.steps)-1].shift
}

// unit reads one character of s as the reader takes it: its size in s, the
// ASCII byte it stands for, and whether it is visible at all.
func unit(s string) (size int, c byte, keep bool) {
	switch {
	case s[0] == '%' && len(s) >= 3:
		if c, ok := hexByte(s[1:3]); ok && c >= 0x20 && c < 0x7f {
			return 3, c, true
		}
	case s[0] == '\\' && len(s) >= 6 && s[1] == 'u' && s[2] == '0' && s[3] == '0':
		if c, ok := hexByte(s[4:6]); ok && c >= 0x20 && c < 0x7f {
			return 6, c, true
		}
	case s[0] == 0x1b && len(s) >= 2 && s[1] == '[':
		for i := 2; i < len(s) && i < 32; i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return i + 1, 0, false
			}
		}
	case s[0] == 0xe2 || s[0] == 0xef:
		for _, hidden := range []string{"\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u202d", "\u202e", "\u2066", "\u2069"} {
			if strings.HasPrefix(s, hidden) {
				return len(hidden), 0, false
			}
		}
	}
	return 1, 0, true
}

func hexByte(s string) (byte, bool) {
	var n byte
	for i := range 2 {
		switch c := s[i]; {
		case isDigit(c):
			n = n<<4 | c - '0'
		case c >= 'a' && c <= 'f':
			n = n<<4 | c - 'a' + 10
		case c >= 'A' && c <= 'F':
			n = n<<4 | c - 'A' + 10
		default:
			return 0, false
		}
	}
	return n, true
}
