package canary

import (
	"regexp/syntax"
	"slices"
	"strings"
)

// draw makes a text that an expression matches, if its assertions allow: as
// short as the expression lets it be, but for what has no bounds.
func (m maker) draw(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCharClass:
		return string(m.oneOf(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "." // which is mostly what was meant
	case syntax.OpCapture:
		return m.draw(re.Sub[0])
	case syntax.OpPlus:
		return m.times(12, re.Sub[0])
	case syntax.OpRepeat:
		return m.times(m.count(re), re.Sub[0])
	case syntax.OpConcat:
		var b strings.Builder
		for _, sub := range re.Sub {
			b.WriteString(m.draw(sub))
		}
		return b.String()
	case syntax.OpAlternate:
		if slices.ContainsFunc(re.Sub, asserts) {
			return "" // what may stand around a token need not
		}
		return m.draw(re.Sub[m.IntN(len(re.Sub))])
	default: // assertions, and what may be left out
		return ""
	}
}

func asserts(re *syntax.Regexp) bool {
	return re.Op == syntax.OpBeginText || re.Op == syntax.OpEndText || re.Op == syntax.OpBeginLine || re.Op == syntax.OpEndLine
}

func (m maker) times(n int, re *syntax.Regexp) string {
	var b strings.Builder
	for range n {
		b.WriteString(m.draw(re))
	}
	return b.String()
}

// count leaves out what may be left out, and otherwise takes some more than the
// least, if it may.
func (m maker) count(re *syntax.Regexp) int {
	if re.Min == 0 {
		return 0
	}
	most := re.Min + 8
	if re.Max >= 0 {
		most = min(most, re.Max)
	}
	return re.Min + m.IntN(most-re.Min+1)
}

// oneOf takes a letter or digit if the class has one, else any other sign of
// ASCII; pairs are the class's ranges.
func (m maker) oneOf(pairs []rune) rune {
	var signs, others []rune
	for c := ' '; c < 0x7f; c++ {
		for i := 0; i < len(pairs); i += 2 {
			if c < pairs[i] || c > pairs[i+1] {
				continue
			}
			if strings.ContainsRune(base62, c) {
				signs = append(signs, c)
			} else {
				others = append(others, c)
			}
		}
	}
	if len(signs) == 0 {
		signs = others
	}
	return signs[m.IntN(len(signs))]
}
