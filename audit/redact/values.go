package redact

import (
	"strings"
	"unicode"
)

// evident words are never a secret, whatever name they stand under.
var evident = set(`true false null none nil yes no on off undefined nan required optional enabled disabled unset empty default
	<none> <nil> <unset> <unknown> <redacted> n/a unknown redacted hidden masked`)

// prose are the words that follow "password: " and "token " in messages.
var prose = set(`expired invalid missing incorrect wrong denied failed failure not must is are was has have the a an for from of to
	and or in with without set changed updated rotated created deleted removed found string str text ok error required
	authentication authorization mismatch mismatched rejected accepted verified valid unauthorized forbidden unexpected cannot
	could unable no input number int integer boolean bool object password secret token this that your should will can may
	too expires expiring refreshed renewed revoked generated reset saved loading loaded using exists already be contains
	getting reading fetching failed: error: invalid: secretkeyref configmapkeyref vault`)

// chosen are words of prose that people do choose as passwords, where nothing
// follows them.
var chosen = set("password secret token test")

// context is how a value came to stand in a text.
type context struct {
	kind   kind
	words  int  // of the name
	strict bool // an = sign, quotes or a flag: more than a colon in a sentence
	quoted bool
	more   bool // another word follows on the line
	policy bool // the policy says that the name's values are secret
	own    bool // the name is that of a key itself, not of a thing that holds one
}

// plausible decides whether the value of a secret name in a text is the secret
// or only speaks of it. Passwords are any word; what machines make looks mixed.
func plausible(v string, c context) bool {
	if c.policy {
		return v != "" && !template(v)
	}
	if location(v) || placeholder(v) || !c.quoted && expression(v) || invented(v) {
		return false
	}
	if !c.strict && constant(v) {
		return false
	}
	lower := strings.ToLower(v)
	if c.kind != password && (elided(v) || sample(v) || c.quoted && looksJSON(v)) {
		return false
	}
	if prose[strings.Trim(lower, ".,:;!?")] && (c.kind != password || !c.strict && (c.more || !chosen[lower])) || c.quoted && (strings.HasPrefix(v, ",") || strings.HasPrefix(v, ")\n") || strings.HasPrefix(v, ");")) {
		return false
	}
	if c.quoted && c.kind != someKey && phrase(v) {
		return true
	}
	switch c.kind {
	case someKey:
		return len(v) >= 20 && mixed(v) && digitCount(v) >= 3 && !label(v) && !hexadecimal(v) && !strings.ContainsAny(v, " \t/.:")
	case password:
		return plausiblePassword(v, c)
	case secret:
		return !label(v) && len(v) >= 6 && !strings.Contains(v, "](") && (mixed(v) || len(v) >= 20 || c.strict && !letters(v)) && !strings.ContainsAny(v, " \t")
	default:
		if expression(strings.TrimLeft(v, "@")) || len(v) < 6 || strings.ContainsAny(v, " \t") || digits(v) && len(v) < 10 {
			return false
		}
		if c.strict {
			if c.own && len(v) >= 10 && strings.Contains(v, "-") {
				return true // people make up keys that look like names of objects
			}
			return mixed(v) || len(v) >= 16 && !label(v) || !letters(v) && len(v) >= 8 && !label(v)
		}
		return len(v) >= 8 && mixed(v) && !label(v) || len(v) >= 20 && !label(v)
	}
}

func plausiblePassword(v string, c context) bool {
	if digits(v) && len(v) < 3 || strings.HasPrefix(v, "--") || strings.HasPrefix(v, "[") && strings.Contains(v, "](") {
		return false // the number of a field, the next flag, a link
	}
	if !speaks(v) || c.quoted && (strings.HasSuffix(v, ": ") || strings.HasSuffix(v, ":") && strings.Contains(v, " ")) { // a prompt
		return false
	}
	if c.strict {
		return c.quoted || !c.more || len(v) > 2
	}
	if c.more && letters(v) {
		return false // "Password: choose a new one"
	}
	return len(v) >= 3
}

// speaks tells that there is a letter or digit of any alphabet.
func speaks(v string) bool {
	return strings.IndexFunc(v, func(r rune) bool { return r != '¨' && (unicode.IsLetter(r) || unicode.IsDigit(r)) }) >= 0
}

// mixed tells letters together with digits, or capitals inside a word.
func mixed(v string) bool {
	var letter, digit, lowUp bool
	for i := range len(v) {
		letter = letter || isAlpha(v[i])
		digit = digit || isDigit(v[i])
		lowUp = lowUp || i > 0 && isUpper(v[i]) && isLower(v[i-1])
	}
	return letter && (digit || lowUp && len(v) >= 12)
}

func letters(v string) bool {
	for i := range len(v) {
		if !isAlpha(v[i]) && v[i] != '\'' && v[i] != '.' && v[i] != ',' {
			return false
		}
	}
	return true
}

func digitCount(v string) (n int) {
	for i := range len(v) {
		if isDigit(v[i]) {
			n++
		}
	}
	return n
}

// constant tells names of variables in configuration: OCP_TOKEN_PROD.
func constant(v string) bool {
	return strings.Count(v, "_") >= 2 && isName(v) && strings.ToUpper(v) == v
}

func digits(v string) bool {
	for i := range len(v) {
		if !isDigit(v[i]) {
			return false
		}
	}
	return v != ""
}

// label tells names of Kubernetes objects: lower-case words joined by - or .,
// the last perhaps generated (db-creds-x7k2p).
func label(v string) bool {
	if !strings.ContainsAny(v, "-._") && !letters(v) {
		return false
	}
	for _, part := range strings.FieldsFunc(v, func(r rune) bool { return r == '-' || r == '.' || r == '/' || r == '_' }) {
		digit := 0
		for i := range len(part) {
			if isUpper(part[i]) || !isAlnum(part[i]) {
				return false
			}
			if isDigit(part[i]) {
				digit++
			}
		}
		if len(part) > 10 && digit > 0 || len(part) > 20 {
			return false
		}
	}
	return true
}

// hexadecimal tells digests, which keys of caches and the like are.
func hexadecimal(v string) bool { return strings.Trim(v, "0123456789abcdefABCDEF-") == "" }

// expression tells code that fetches the value: os.Getenv("X"), var.password.
func expression(v string) bool {
	if i := strings.IndexByte(v, '('); i > 0 && isPath(v[:i]) {
		return true
	}
	if i := strings.IndexByte(v, '['); i > 0 && strings.HasSuffix(v, "]") && isPath(v[:i]) {
		return true
	}
	if v != "" && (v[0] == '(' && strings.IndexByte(v, ')') < 0 || strings.HasSuffix(v, "[") || strings.HasSuffix(v, "(")) {
		return true // a cast, an index, a call
	}
	if strings.HasPrefix(v, "#{") || strings.HasPrefix(v, "<%") || strings.HasPrefix(v, "%{") || strings.HasPrefix(v, "{{") { // cut at a quote
		return true
	}
	if strings.HasPrefix(v, "$(") || strings.HasPrefix(v, "$_") || strings.HasPrefix(v, `\$_`) || v == "{" || v == "[" {
		return true
	}
	return strings.Contains(v, ".") && isPath(v) && !strings.ContainsAny(v, "0123456789")
}

// isPath tells names joined by dots.
func isPath(v string) bool {
	for _, part := range strings.Split(v, ".") {
		if !isName(part) {
			return false
		}
	}
	return true
}

// location tells file paths and URLs; a secret inside a URL has its own rule.
func location(v string) bool {
	if i := strings.Index(v, "://"); i > 0 && isAlpha(v[0]) || strings.HasPrefix(v, "arn:") {
		return true
	}
	if !strings.HasPrefix(v, "/") && !strings.HasPrefix(v, "./") && !strings.HasPrefix(v, "~/") {
		return false
	}
	return strings.Count(v, "/") >= 2 && !strings.ContainsAny(v, "+=$!") && strings.ToLower(v) == v
}
