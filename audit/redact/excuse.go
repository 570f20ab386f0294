package redact

import (
	"slices"
	"strings"
)

// elided tells values of which somebody has left out a part: eyJhbGci...,
// ops_eyJ..[redacted], ....
func elided(v string) bool {
	if strings.HasSuffix(v, "...") || strings.HasSuffix(v, "…") || strings.HasPrefix(v, "...") {
		return true
	}
	lower := strings.ToLower(v[max(0, len(v)-24):])
	return strings.Contains(lower, "redacted") || strings.Contains(lower, "truncated") || strings.HasSuffix(lower, "<snip>")
}

// inventedWords are what people write where nobody shall take it for real, even
// as a password. Words that are used as passwords, such as changeme, are not
// among them.
var inventedWords = []string{"fakekey", "fakesecret", "faketoken", "fakepass", "fakecred", "a-fake-", "placeholder", "your_pass", "your-pass", "yoursecret", "your_secret",
	"your-secret", "passwordhere", "password_here", "password-here", "notapassword", "not-a-password", "not_a_password", "redacted"}

func invented(v string) bool {
	if len(v) > 64 {
		return false
	}
	lower := strings.ToLower(v)
	if strings.HasPrefix(lower, "your_") || strings.HasPrefix(lower, "your-") {
		return true
	}
	return slices.ContainsFunc(inventedWords, func(w string) bool { return strings.Contains(lower, w) })
}

// sampleWords are in values that documentation and tests have made up.
var sampleWords = []string{"example", "placeholder", "dummy", "fakekey", "fakesecret", "faketoken", "fakepass", "somefake", "fake-", "-fake", "fake_", "_fake",
	"yourtoken", "your-", "your_", "_here", "-here", "tokenhere", "keyhere", "secrethere", "passwordhere", "stringhere", "notreal", "not-real", "not_real"}

// sample tells machine-made values that are none: they hold a word of
// documentation.
func sample(v string) bool {
	if len(v) < 12 {
		return false
	}
	lower := strings.ToLower(v)
	return slices.ContainsFunc(sampleWords, func(w string) bool { return strings.Contains(lower, w) })
}

// counting tells values most of which goes on as alphabets and keyboards do:
// 1234567890, abcdef, and both in turns (a1b2c3d4).
func counting(v string) bool {
	if len(v) < 16 {
		return false
	}
	steps, pairs := 0, 0
	for i := 1; i < len(v); i++ {
		if next(v[i-1], v[i]) {
			steps++
		}
		if i >= 2 && next(v[i-2], v[i]) && !next(v[i-1], v[i]) {
			pairs++
		}
	}
	return steps*10 >= len(v)*7 || pairs*10 >= len(v)*7
}

// next tells that b follows a in the alphabet or among the digits.
func next(a, b byte) bool {
	if a == '9' && b == '0' || isDigit(a) && isDigit(b) && b == a+1 {
		return true
	}
	return isAlpha(a) && isAlpha(b) && b|0x20 == (a|0x20)+1
}

// placeholder tells values that stand for a secret that is elsewhere, or that
// somebody else has masked already.
func placeholder(v string) bool {
	v = strings.Trim(v, " \t\"'`")
	if v == "" || evident[strings.ToLower(strings.Trim(v, "[]()<>"))] || sealedSecret(v) {
		return true
	}
	if template(v) || fillIn(v) || blanked(v) {
		return true
	}
	if v[0] == '$' && len(v) > 1 && isName(v[1:]) || len(v) > 2 && v[0] == '%' && v[len(v)-1] == '%' && isName(v[1:len(v)-1]) {
		return true
	}
	return strings.Trim(v, ".-_…•#0") == ""
}

// sealedSecret tells what kubeseal has encrypted.
func sealedSecret(v string) bool {
	return len(v) >= 200 && strings.HasPrefix(v, "Ag") && wordEnd(v, 0) >= 200
}

// template tells ${NAME} and its like. One with a default (${NAME:-value})
// holds a value.
func template(v string) bool {
	if strings.HasPrefix(v, "{.") && strings.HasSuffix(v, "}") { // kubectl's JSONPath
		return true
	}
	for _, t := range []struct{ open, close string }{{"${{", "}}"}, {"${", "}"}, {"$(", ")"}, {"{{", "}}"}, {"{", "}"}, {"<", ">"}, {"%(", ")s"}, {"#{", "}"}, {"ENC[", "]"}, {"ENC(", ")"}} {
		if !strings.HasPrefix(v, t.open) || strings.Index(v, t.close) != len(v)-len(t.close) {
			continue
		}
		if t.open == "{" && !isPath(strings.TrimPrefix(v[1:len(v)-1], ".")) {
			continue
		}
		return !strings.Contains(v, ":-") && !strings.Contains(v, ":=") || strings.Contains(v, ":-$") || strings.Contains(v, ":=$")
	}
	return false
}

var fillInWords = set("your insert replace here placeholder example changeme my_token")

// fillIn tells what documentation asks to be replaced: INSERT_TOKEN_HERE.
func fillIn(v string) bool {
	words := strings.FieldsFunc(strings.ToLower(v), func(c rune) bool { return c < 'a' || c > 'z' })
	if len(words) < 3 || strings.ContainsAny(v, "$!@#%^&+=") || len(words) < 5 && strings.ContainsAny(v, "0123456789") {
		return false
	}
	for _, w := range words {
		if fillInWords[w] {
			return true
		}
	}
	return false
}

// blanked tells what somebody has made unreadable already: ghp_xxxxxxxx, ****.
func blanked(v string) bool {
	if strings.Trim(v, "xX*") == "" {
		return true
	}
	run := 0
	for i := range len(v) {
		if c := v[i]; c == 'x' || c == 'X' || c == '*' {
			if run++; run >= 6 && strings.Count(v, v[i:i+1])*2 >= len(v) {
				return true
			}
			continue
		}
		run = 0
	}
	return false
}

// isName tells the names of variables, which are letters, digits and _ and do
// not begin with a digit.
func isName(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '_' || i == 0 && isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}
