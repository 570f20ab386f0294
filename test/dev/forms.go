package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
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
	quoted := escaped(value)
	all := []form{
		{"raw", value}, {"JSON", quoted}, {"JSON in JSON", escaped(quoted)},
		{"URL query", url.QueryEscape(value)}, {"URL path", url.PathEscape(value)},
		{"hex", hex.EncodeToString([]byte(value))}, {"HEX", strings.ToUpper(hex.EncodeToString([]byte(value)))},
	}
	for shift := range 3 {
		text := shifted(value, shift)
		all = append(all, form{"base64", text}, form{"base64url", strings.NewReplacer("+", "-", "/", "_").Replace(text)})
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
