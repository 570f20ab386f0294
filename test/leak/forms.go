package leak

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// form is one way in which a secret may lie somewhere.
type form struct {
	name  string
	bytes string
}

// forms are the value itself and its encodings. What is part of a longer text
// in base64 looks different by its place in it, so each of the three shifts is
// a form, without the letters its neighbours have a share in.
func forms(value string) []form {
	quoted, units := escaped(value), unicodeEscaped(value)
	all := []form{
		{"raw", value}, {"JSON", quoted}, {"JSON in JSON", escaped(quoted)},
		{"JSON escapes", units}, {"JSON escapes in JSON", escaped(units)},
		{"URL query", url.QueryEscape(value)}, {"URL path", url.PathEscape(value)},
		{"hex", hex.EncodeToString([]byte(value))}, {"HEX", strings.ToUpper(hex.EncodeToString([]byte(value)))},
	}
	for shift := range 3 {
		once := shifted(value, shift)
		all = append(all, form{"base64", once}, form{"base64url", strings.NewReplacer("+", "-", "/", "_").Replace(once)})
		for again := range 3 {
			all = append(all, form{"base64 twice", shifted(once, again)})
		}
	}
	return distinct(all)
}

func escaped(value string) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // a string always can be
	}
	return string(text[1 : len(text)-1])
}

// unicodeEscaped writes every character as JSON may write it: \u0041.
func unicodeEscaped(value string) string {
	var b strings.Builder
	for _, c := range value {
		fmt.Fprintf(&b, `\u%04x`, c)
	}
	return b.String()
}

func shifted(value string, shift int) string {
	text := base64.RawStdEncoding.EncodeToString([]byte("???"[:shift] + value))
	from, to := (shift*8+5)/6, len(text)
	if (shift+len(value))%3 != 0 {
		to--
	}
	return text[from:to]
}

func distinct(all []form) []form {
	seen := map[string]bool{}
	var kept []form
	for _, f := range all {
		if !seen[f.bytes] {
			seen[f.bytes] = true
			kept = append(kept, f)
		}
	}
	return kept
}
