package audit

import (
	"bytes"
	"unicode/utf8"
)

func (j *jsonText) atEnd() bool { return j.at == len(j.text) }

// skip takes one byte, if it comes next.
func (j *jsonText) skip(c byte) bool {
	if j.atEnd() || j.text[j.at] != c {
		return false
	}
	j.at++
	return true
}

func (j *jsonText) space() {
	for !j.atEnd() {
		switch j.text[j.at] {
		case ' ', '\t', '\n', '\r':
			j.at++
		default:
			return
		}
	}
}

// quoted takes a string and returns what is between its quotation marks; simple
// tells that these are printable ASCII characters without an escape.
func (j *jsonText) quoted() (raw []byte, simple, ok bool) {
	if !j.skip('"') {
		return nil, false, false
	}
	simple = true
	text, start, i := j.text, j.at, j.at
	for i < len(text) {
		if i+8 <= len(text) && clean(eightBytes(text, i)) {
			i += 8
			continue
		}
		switch c := text[i]; {
		case c == '"':
			j.at = i + 1
			return text[start:i], simple, true
		case c < ' ':
			return nil, false, false
		case c == '\\':
			simple = false
			size := escape(text[i:])
			if size == 0 {
				return nil, false, false
			}
			i += size
		default:
			simple = simple && c < utf8.RuneSelf
			i++
		}
	}
	return nil, false, false
}

// escape returns the length of the escape that text begins with, 0 if it is none.
func escape(text []byte) int {
	switch {
	case len(text) < 2:
		return 0
	case text[1] != 'u':
		if bytes.IndexByte([]byte(`"\/bfnrt`), text[1]) < 0 {
			return 0
		}
		return 2
	case len(text) < 6:
		return 0
	}
	for _, c := range text[2:6] {
		if !isDigit(c) && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return 0
		}
	}
	return 6
}

// scalar takes a number, true, false or null.
func (j *jsonText) scalar() bool {
	for _, word := range [...]string{"true", "false", "null"} {
		if rest := j.text[j.at:]; len(rest) >= len(word) && string(rest[:len(word)]) == word {
			j.at += len(word)
			return true
		}
	}
	return j.number()
}

func (j *jsonText) number() bool {
	j.skip('-')
	if !j.skip('0') && !j.digits() {
		return false
	}
	if j.skip('.') && !j.digits() {
		return false
	}
	if j.skip('e') || j.skip('E') {
		if !j.skip('+') {
			j.skip('-')
		}
		return j.digits()
	}
	return true
}

func (j *jsonText) digits() bool {
	start := j.at
	for !j.atEnd() && isDigit(j.text[j.at]) {
		j.at++
	}
	return j.at > start
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// compact takes a value that has no white space between its tokens.
func (j *jsonText) compact(depth int) bool {
	if j.atEnd() || j.tooDeep(depth) {
		return false
	}
	switch j.text[j.at] {
	case '{':
		return j.compactList('}', func() bool {
			_, _, ok := j.quoted()
			return ok && j.skip(':') && j.compact(depth+1)
		})
	case '[':
		return j.compactList(']', func() bool { return j.compact(depth + 1) })
	case '"':
		_, _, ok := j.quoted()
		return ok
	default:
		return j.scalar()
	}
}

func (j *jsonText) compactList(end byte, element func() bool) bool {
	j.at++
	if j.skip(end) {
		return true
	}
	for element() {
		if j.skip(end) {
			return true
		}
		if !j.skip(',') {
			return false
		}
	}
	return false
}
