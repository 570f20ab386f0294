package terminal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape makes everything visible in s that is not: control characters, what
// reorders or hides text (bidirectional overrides, zero-width characters, BOM),
// unusual spaces and bytes that are not UTF-8, each as Go writes it in a string
// (\n, \x1b, \u202e). The result is one line, and a terminal obeys nothing in it.
// Backslashes stay as they are, so this is for reading, not for parsing.
func Escape(s string) string { return escape(s, "") }

// EscapeText is [Escape] for text of several lines: \n and \t stay.
func EscapeText(s string) string { return escape(s, "\n\t") }

func escape(s, keep string) string {
	harmless := func(c rune) bool { return unicode.IsPrint(c) && c != utf8.RuneError || strings.ContainsRune(keep, c) }
	if strings.IndexFunc(s, func(c rune) bool { return !harmless(c) }) < 0 {
		return s // nearly always
	}
	var b strings.Builder
	for i, c := range s {
		switch {
		case harmless(c):
			b.WriteRune(c)
		case c == utf8.RuneError:
			invalid(&b, s[i:])
		default:
			b.WriteString(visible(c))
		}
	}
	return b.String()
}

// invalid writes U+FFFD as it is when it is really there, else the byte that
// was taken for it.
func invalid(b *strings.Builder, s string) {
	if _, size := utf8.DecodeRuneInString(s); size > 1 {
		b.WriteRune(utf8.RuneError)
		return
	}
	fmt.Fprintf(b, `\x%02x`, s[0])
}

func visible(c rune) string {
	switch {
	case c == '\n':
		return `\n`
	case c == '\r':
		return `\r`
	case c == '\t':
		return `\t`
	case c < 0x20 || c == 0x7f:
		return fmt.Sprintf(`\x%02x`, c)
	case c < 0x10000:
		return fmt.Sprintf(`\u%04x`, c)
	default:
		return fmt.Sprintf(`\U%08x`, c)
	}
}
