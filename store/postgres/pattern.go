package postgres

import (
	"errors"
	"strings"
	"unicode/utf8"
)

const maxPattern = 1000 // characters; a namespace has 253 at most

// pattern is a text with the wildcards * and ?, for SQL.
type pattern struct {
	exact bool   // there was no wildcard
	text  string // what it equals, if exact
	like  string // the operand of LIKE, whose escape character is \
}

func parsePattern(s string) (pattern, error) {
	if utf8.RuneCountInString(s) > maxPattern {
		return pattern{}, errors.New("must have at most 1000 characters")
	}
	var text, like strings.Builder
	exact, escaped, afterStar := true, false, false
	for _, r := range s {
		wildcard := !escaped && (r == '*' || r == '?')
		switch {
		case !escaped && r == '\\':
			escaped = true
			continue
		case wildcard && r == '?':
			like.WriteByte('_')
		case wildcard && !afterStar: // of ** one will do
			like.WriteByte('%')
		case !wildcard:
			if r == '%' || r == '_' || r == '\\' {
				like.WriteByte('\\')
			}
			like.WriteRune(r)
			text.WriteRune(r)
		}
		exact = exact && !wildcard
		afterStar = wildcard && r == '*'
		escaped = false
	}
	if escaped {
		return pattern{}, errors.New(`must not end in a single \`)
	}
	return pattern{exact, text.String(), like.String()}, nil
}
