package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/auditflow/auditflow/audit"
)

// member is one field of a JSON object, as it was written.
type member struct {
	name  string
	value json.RawMessage
	// twice tells that a name in it, at whatever depth, was there before.
	twice bool
}

// checkText refuses what is not one JSON document of bearable depth.
func checkText(text []byte) *Problem {
	if !utf8.Valid(text) {
		return malformed("it is not UTF-8")
	}
	if depth(text) > audit.MaxDepth {
		return problem(413, "too-deep", "The body is nested too deep", fmt.Sprintf("at most %d levels", audit.MaxDepth))
	}
	if json.Valid(text) {
		return nil
	}
	var whole json.RawMessage // a copy, for the sake of the place
	if err := json.Unmarshal(text, &whole); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return malformed(fmt.Sprintf("it is not one JSON document: fault at byte %d of %d", syntax.Offset, len(text)))
		}
		return malformed("it is not one JSON document")
	}
	return nil
}

// depth is how deep brackets are nested, whether they match or not.
func depth(text []byte) (deepest int) {
	level, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}

// members takes an object apart. encoding/json would keep the last of equal
// names, and take names in any case.
func members(object []byte) ([]member, *Problem) {
	dec := json.NewDecoder(bytes.NewReader(object))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, invalid(Fault{"", "must be a JSON object"})
	}
	var all []member
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, malformed("it is not one JSON document")
		}
		begin := dec.InputOffset()
		twice, err := walk(dec)
		if err != nil {
			return nil, malformed("it is not one JSON document")
		}
		value := bytes.TrimLeft(object[begin:dec.InputOffset()], ": \t\r\n")
		all = append(all, member{name.(string), value, twice}) // the decoder yields only strings here
	}
	return all, nil
}

// walk passes one value by and tells whether a name is there twice in one of its
// objects.
func walk(dec *json.Decoder) (twice bool, err error) {
	token, err := dec.Token()
	if err != nil {
		return false, err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return false, nil
	}
	seen := map[string]bool{}
	for dec.More() {
		if open == '{' {
			token, err := dec.Token()
			if err != nil {
				return twice, err
			}
			name := token.(string) // the decoder yields only strings here
			twice = twice || seen[name]
			seen[name] = true
		}
		inner, err := walk(dec)
		if err != nil {
			return twice, err
		}
		twice = twice || inner
	}
	_, err = dec.Token() // the closing one
	return twice, err
}

// halfCharacter tells that a JSON string has an escaped surrogate without its
// other half, which encoding/json replaces silently.
func halfCharacter(s []byte) bool {
	for i := 0; i+1 < len(s); i++ {
		if s[i] != '\\' {
			continue
		}
		if s[i+1] != 'u' {
			i++ // the escaped character, which may be a backslash
			continue
		}
		high := unit(s[i+2:])
		i += 5
		if high < 0xd800 || high > 0xdfff {
			continue
		}
		if high > 0xdbff || len(s) < i+7 || s[i+1] != '\\' || s[i+2] != 'u' {
			return true
		}
		if low := unit(s[i+3:]); low < 0xdc00 || low > 0xdfff {
			return true
		}
		i += 6
	}
	return false
}

// unit reads four hexadecimal digits; 0 if they are none.
func unit(s []byte) (u rune) {
	if len(s) < 4 {
		return 0
	}
	if _, err := fmt.Sscanf(string(s[:4]), "%04x", &u); err != nil {
		return 0
	}
	return u
}
