package terminal

import (
	"strings"
	"unicode"
)

// wide are the characters that take two cells: East Asian Wide and Fullwidth of
// Unicode's UAX #11, by block, and emoji. A terminal may know better about single
// characters; a column is then off by one.
var wide = &unicode.RangeTable{ //nolint:gochecknoglobals // a table of constants
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115f, Stride: 1}, {Lo: 0x231a, Hi: 0x231b, Stride: 1},
		{Lo: 0x23e9, Hi: 0x23ec, Stride: 1}, {Lo: 0x2705, Hi: 0x2705, Stride: 1},
		{Lo: 0x274c, Hi: 0x274c, Stride: 1}, {Lo: 0x2e80, Hi: 0x303e, Stride: 1},
		{Lo: 0x3041, Hi: 0xa4cf, Stride: 1}, {Lo: 0xa960, Hi: 0xa97c, Stride: 1},
		{Lo: 0xac00, Hi: 0xd7a3, Stride: 1}, {Lo: 0xf900, Hi: 0xfaff, Stride: 1},
		{Lo: 0xfe30, Hi: 0xfe6f, Stride: 1}, {Lo: 0xff01, Hi: 0xff60, Stride: 1},
		{Lo: 0xffe0, Hi: 0xffe6, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x16fe0, Hi: 0x18d08, Stride: 1}, {Lo: 0x1b000, Hi: 0x1b2fb, Stride: 1},
		{Lo: 0x1f300, Hi: 0x1f64f, Stride: 1}, {Lo: 0x1f680, Hi: 0x1f6ff, Stride: 1},
		{Lo: 0x1f900, Hi: 0x1faff, Stride: 1}, {Lo: 0x20000, Hi: 0x3fffd, Stride: 1},
	},
}

// Width is how many cells s takes, which [Escape] has been over.
func Width(s string) (cells int) {
	for _, c := range s {
		cells += runeWidth(c)
	}
	return cells
}

func runeWidth(c rune) int {
	switch {
	case c < 0x300:
		return 1
	case unicode.In(c, unicode.Mn, unicode.Me):
		return 0
	case unicode.Is(wide, c):
		return 2
	}
	return 1
}

const ellipsis = "…"

// Cut shortens s to at most width cells, the last of which then is "…".
func Cut(s string, width int) string {
	if len(s) <= width || Width(s) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	var b strings.Builder
	cells := 0
	for _, c := range s {
		if cells += runeWidth(c); cells > width-1 {
			break
		}
		b.WriteRune(c)
	}
	return b.String() + ellipsis
}

// Pad fills s with spaces up to width cells, on the left if right is set.
func Pad(s string, width int, right bool) string {
	gap := strings.Repeat(" ", max(0, width-Width(s)))
	if right {
		return gap + s
	}
	return s + gap
}
