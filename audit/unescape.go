package audit

import (
	"bytes"
	"encoding/json"
	"unicode/utf16"
	"unicode/utf8"
)

// plain is the string between two quotation marks, without its escapes and with
// U+FFFD for each byte that is not UTF-8.
func plain(raw []byte) []byte {
	switch valid := utf8.Valid(raw); {
	case valid && bytes.IndexByte(raw, '\\') < 0:
		return raw
	case valid:
		return unescape(raw)
	}
	var s string
	quoted := append(append([]byte{'"'}, raw...), '"')
	if err := json.Unmarshal(quoted, &s); err != nil {
		panic("audit: a JSON string: " + err.Error()) // quoted has checked it
	}
	return []byte(s)
}

// unescape wants valid escapes.
func unescape(raw []byte) []byte {
	plain := make([]byte, 0, len(raw))
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(plain, raw...)
		}
		plain, raw = append(plain, raw[:i]...), raw[i:]
		switch c := raw[1]; c {
		case 'u':
			r, size := escapedRune(raw)
			plain, raw = utf8.AppendRune(plain, r), raw[size:]
			continue
		case 'b':
			plain = append(plain, '\b')
		case 'f':
			plain = append(plain, '\f')
		case 'n':
			plain = append(plain, '\n')
		case 'r':
			plain = append(plain, '\r')
		case 't':
			plain = append(plain, '\t')
		default: // " \ /
			plain = append(plain, c)
		}
		raw = raw[2:]
	}
}

// escapedRune reads \uXXXX, or two that are a pair; half of a pair is U+FFFD.
func escapedRune(raw []byte) (r rune, size int) {
	r, _ = escapedUnit(raw)
	size = 6
	if !utf16.IsSurrogate(r) {
		return r, size
	}
	if low, ok := escapedUnit(raw[size:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 2 * size
		}
	}
	return utf8.RuneError, size
}
