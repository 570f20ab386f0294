package audit

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// settled tells that a JSON value is in the form into which [Record.Normalise] brings
// it, with nothing to note. It is for speed: what it does not know, such as escapes,
// it does not call settled.
func settled(value []byte) bool {
	j := jsonText{text: value}
	return j.settled(0) && j.atEnd() && !bytes.Equal(value, []byte("null"))
}

func (j *jsonText) settled(depth int) bool {
	if j.atEnd() {
		return false
	}
	start := j.at
	switch c := j.text[j.at]; {
	case c == '{':
		return depth < MaxDepth && j.settledObject(depth+1)
	case c == '[':
		return depth < MaxDepth && j.compactList(']', func() bool { return j.settled(depth + 1) })
	case c == '"':
		_, ok := j.settledText()
		return ok
	case c == '-' || isDigit(c):
		return j.number() && settledNumber(string(j.text[start:j.at]))
	default:
		return j.scalar()
	}
}

// settledObject wants keys in order, none twice.
func (j *jsonText) settledObject(depth int) bool {
	var last []byte
	first := true
	return j.compactList('}', func() bool {
		key, ok := j.settledText()
		if !ok || !first && bytes.Compare(last, key) >= 0 {
			return false
		}
		last, first = key, false
		return j.skip(':') && j.settled(depth)
	})
}

// settledText takes a string that needs no escape and has none.
func (j *jsonText) settledText() (text []byte, ok bool) {
	text, simple, ok := j.quoted()
	if ok && !simple {
		ok = bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text) && !bytes.ContainsAny(text, "\u2028\u2029")
	}
	return text, ok
}

func settledNumber(n string) bool {
	negativeZero := n[0] == '-' && strings.Trim(n, "-0.") == ""
	return len(n) <= maxDigits && !strings.ContainsAny(n, "eE") && !negativeZero
}
