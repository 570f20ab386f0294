package redact

import "strings"

// encodes are the bytes with which encoded characters begin.
var encodes = [256]bool{'%': true, '\\': true, '&': true, 0x1b: true, 0xe2: true, 0xef: true, 0xc2: true}

// hidden are characters that a reader does not see: they join, break or turn
// around text.
var hidden = []string{"\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u00ad"}

// entities are the names HTML and XML have for ASCII characters that secrets
// and the signs around them hold.
var entities = map[string]byte{
	"amp": '&', "quot": '"', "apos": '\'', "lt": '<', "gt": '>', "equals": '=', "colon": ':', "sol": '/', "plus": '+', "commat": '@', "num": '#',
	"percnt": '%', "dollar": '$', "excl": '!', "period": '.', "lowbar": '_', "ast": '*', "quest": '?', "semi": ';', "comma": ',', "bsol": '\\',
	"lpar": '(', "rpar": ')', "lbrack": '[', "rbrack": ']', "lcub": '{', "rcub": '}', "verbar": '|', "Hat": '^', "grave": '`', "hyphen": '-', "nbsp": ' ',
}

// unit reads one character of s as the reader takes it: its size in s, the
// ASCII byte it stands for, and whether it is visible at all.
func unit(s string) (size int, c byte, keep bool) {
	switch s[0] {
	case '%':
		if len(s) >= 3 {
			if c, ok := visible(s[1:3]); ok {
				return 3, c, true
			}
		}
	case '\\':
		return escape(s)
	case '&':
		return entity(s)
	case 0x1b:
		return colour(s)
	default:
		for _, h := range hidden {
			if strings.HasPrefix(s, h) {
				return len(h), 0, false
			}
		}
	}
	return 1, 0, true
}

// escape reads \u0041 and \x41, with as many backslashes as the text is nested
// deep, \/ and the end of a line.
func escape(s string) (size int, c byte, keep bool) {
	n := 1
	for n < len(s) && n < 8 && s[n] == '\\' {
		n++
	}
	rest := s[n:]
	switch {
	case strings.HasPrefix(rest, "u00") && len(rest) >= 5:
		if c, ok := visible(rest[3:5]); ok {
			return n + 5, c, true
		}
	case strings.HasPrefix(rest, "x") && len(rest) >= 3:
		if c, ok := visible(rest[1:3]); ok {
			return n + 3, c, true
		}
	case strings.HasPrefix(rest, "/"):
		return n + 1, '/', true
	case strings.HasPrefix(rest, "n"):
		return n + 1, '\n', true
	case strings.HasPrefix(rest, "r"):
		return n + 1, '\r', true
	}
	return 1, 0, true
}

// maxEntity bounds the name of an entity.
const maxEntity = 8

func entity(s string) (size int, c byte, keep bool) {
	end := strings.IndexByte(s[:min(len(s), maxEntity+2)], ';')
	if end < 2 {
		return 1, 0, true
	}
	name := s[1:end]
	if c, ok := entities[name]; ok {
		return end + 1, c, true
	}
	if name[0] != '#' {
		return 1, 0, true
	}
	n, base, figures := 0, 10, name[1:]
	if figures != "" && figures[0]|0x20 == 'x' {
		base, figures = 16, figures[1:]
	}
	for i := range len(figures) {
		figure, ok := hexDigit(figures[i])
		if !ok || int(figure) >= base || n > 0x7f {
			return 1, 0, true
		}
		n = n*base + int(figure)
	}
	if n < 0x20 || n >= 0x7f {
		return 1, 0, true
	}
	return end + 1, byte(n), true
}

// colour reads a control sequence of a terminal (ECMA-48).
func colour(s string) (size int, c byte, keep bool) {
	if len(s) < 2 || s[1] != '[' {
		return 1, 0, true
	}
	for i := 2; i < len(s) && i < 32; i++ {
		if s[i] >= 0x40 && s[i] <= 0x7e {
			return i + 1, 0, false
		}
	}
	return 1, 0, true
}

// visible reads two hexadecimal digits that stand for a character of ASCII or
// the end of a line: manifests and configuration are known by their lines.
func visible(s string) (byte, bool) {
	high, ok := hexDigit(s[0])
	low, ok2 := hexDigit(s[1])
	c := high<<4 | low
	return c, ok && ok2 && (c >= 0x20 && c < 0x7f || c == '\n' || c == '\r')
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case isDigit(c):
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
