package redact

import (
	"slices"
	"strings"
)

// look is what can be counted about the bytes of a word.
type look struct {
	lower, upper, digit, other int
	turns                      int // from one class of bytes to another
	worded                     int // small letters in runs of three or more, as in words
	distinct                   int
	hex                        bool
}

func lookAt(v string) look {
	var l look
	var seen [256]bool
	l.hex = true
	run, before := 0, 0
	for i := range len(v) {
		c := v[i]
		class := 0
		switch {
		case isLower(c):
			class = 1
			l.lower++
		case isUpper(c):
			class = 2
			l.upper++
		case isDigit(c):
			class = 3
			l.digit++
		default:
			l.other++
		}
		l.hex = l.hex && (isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f')
		switch {
		case class != 1:
			run = 0
		case run < 2:
			run++
		case run == 2:
			run, l.worded = 3, l.worded+3
		default:
			l.worded++
		}
		if class != before && i > 0 && class != 0 && before != 0 {
			l.turns++
		}
		before = class
		if !seen[c] {
			seen[c] = true
			l.distinct++
		}
	}
	return l
}

// random judges a word that nothing names: whether only a machine that makes
// secrets would have written it. Digests, commits, UUIDs and names of objects
// are machine-made too, but of small letters and digits only, or said to be
// what they are.
func random(s string, w span) bool {
	word := strings.TrimRight(s[w.start:w.end], "=")
	if privateDER(word) {
		return true
	}
	return len(word) <= maxRandom && looksRandom(word) && !harmlessBefore(s, w.start) && !cutOut(s, w)
}

// leastSmall is how long a token without capitals is at least.
const leastSmall = 32

// neverRandom is a short look at most words: without digits, or without small
// letters, or short and without capitals, they are what people write.
func neverRandom(word string) bool {
	var lower, upper, digit bool
	for i := range len(word) {
		c := word[i]
		lower, upper, digit = lower || isLower(c), upper || isUpper(c), digit || isDigit(c)
	}
	return !digit || !lower || !upper && len(word) < leastSmall
}

func looksRandom(word string) bool {
	if neverRandom(word) {
		return false
	}
	l := lookAt(word)
	if l.hex || l.digit == 0 {
		return false // a digest, in whatever case, or words
	}
	body, prefixed := tokenBody(word)
	prefix := word[:len(word)-len(body)]
	if strings.HasPrefix(prefix, "pk_") || strings.HasPrefix(prefix, "pub_") || strings.HasPrefix(prefix, "pub-") {
		return false // the public half
	}
	if prefixed {
		l = lookAt(body)
	}
	switch n := len(body); {
	case l.hex && l.upper > 0 && l.lower > 0:
		return false
	case l.upper > 0 && l.lower > 0 && l.digit > 0:
		return n >= leastMixed(prefixed) && l.turns*100 >= n*38 && l.distinct >= 12 && l.worded*100 <= n*45 && longestPart(body) >= 10 && !sample(body) && !counting(body)
	case l.upper == 0 && l.digit > 0 && prefixed && !strings.ContainsAny(body, "-_/+"):
		return (n >= leastSmall && tokenPrefix(prefix) || n >= 40 && makersPrefix(prefix)) && l.turns*100 >= n*25 && l.distinct >= 8 && !sample(body) && !counting(body)
	}
	return false
}

// cutOut tells words of which only a part is there: ...Xy12...
func cutOut(s string, w span) bool {
	return strings.HasSuffix(s[:w.start], "...") || strings.HasPrefix(s[w.end:], "...")
}

// randomParts judges a token in parts: Discord's, for one, has an account, a
// time and a signature.
func randomParts(s string, w span) bool {
	parts := strings.Split(s[w.start:w.end], ".")
	whole := strings.Join(parts, "")
	if len(parts) > maxParts || len(whole) < 40 || len(whole) > maxRandom || len(parts[len(parts)-1]) < 20 || harmlessBefore(s, w.start) {
		return false
	}
	for _, part := range parts {
		if l := lookAt(part); l.worded*100 > len(part)*60 || l.upper == 0 {
			return false
		}
	}
	l := lookAt(whole)
	return l.digit > 0 && l.turns*100 >= len(whole)*38 && l.distinct >= 16 && !sample(whole) && !counting(whole)
}

func leastMixed(prefixed bool) int {
	if prefixed {
		return 24
	}
	return 32
}

// tokenBody takes off what tells whose token it is: ghp_, sk-live-.
func tokenBody(word string) (body string, prefixed bool) {
	at := 0
	for i := 0; i < len(word) && i < 24; i++ {
		c := word[i]
		if c == '_' || c == '-' {
			if i == at {
				break
			}
			at = i + 1
			continue
		}
		if !isAlpha(c) && (!isDigit(c) || i-at > 3) {
			break
		}
	}
	if at < 3 || strings.ToLower(word[:at]) != word[:at] && strings.ToUpper(word[:at]) != word[:at] {
		return word, false
	}
	return word[at:], true
}

// tokenPrefixes are the words with which the makers of tokens begin them.
var tokenPrefixes = set("sk rk pat pak tok token key api apikey live prod test secret sec auth access refresh at rt ak v1 v2 jwt bot user app org personal")

func tokenPrefix(prefix string) bool {
	for _, w := range strings.FieldsFunc(strings.ToLower(prefix), func(r rune) bool { return r == '_' || r == '-' }) {
		if tokenPrefixes[w] {
			return true
		}
	}
	return false
}

// contentPrefixes are in front of digests.
var contentPrefixes = set("sha sha1 rev ref git md5 hash blob tree commit img image layer trace span id uid req")

// makersPrefix tells the short mark with an underscore that makers put in front
// of their tokens. In front of 40 signs and more it is none of an id, which
// have 32 at most.
func makersPrefix(prefix string) bool {
	mark, one := strings.CutSuffix(prefix, "_")
	return one && len(mark) >= 2 && len(mark) <= 6 && !strings.ContainsAny(mark, "_-") && !contentPrefixes[strings.ToLower(mark)]
}

// longestPart is the longest stretch without a separator: words joined by
// dashes have short ones.
func longestPart(v string) (longest int) {
	start := 0
	for i := 0; i <= len(v); i++ {
		if i == len(v) || !isAlnum(v[i]) {
			longest = max(longest, i-start)
			start = i + 1
		}
	}
	return longest
}

// harmless are the names in front of values that look random and are public.
var harmless = []string{"sha1", "sha256", "sha384", "sha512", "h1:", "md5", "integrity", "etag", "digest", "checksum", "hash", "fingerprint", "nonce",
	"cabundle", "ca-bundle", "certificate", "cert", "crt", "ca-data", "public", "pub", "pubkey", "ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256", "requestid", "request-id", "request_id",
	"traceid", "trace-id", "uid", "revision", "signature", "sig", "base64,", "cursor", "continue", "versionid", "version-id", "amz-id-2", "modulus", "x5c", "kid", "host_id", "hostid", "resourceversion"}

// harmlessBefore tells whether the name or sign in front of a word says that it
// is no secret.
func harmlessBefore(s string, at int) bool {
	before := strings.TrimRight(s[max(0, at-40):at], " \t\"'`:=-\\>[(")
	if i := strings.LastIndexAny(before, " \t\n\"'{&?;"); i >= 0 {
		before = before[i+1:]
	}
	if words := splitWords(before); len(words) > 1 && (words[len(words)-1] == "id" || slices.Contains(words, "public")) {
		return true
	}
	before = strings.ToLower(before)
	for _, h := range harmless {
		if strings.HasSuffix(before, strings.TrimRight(h, ":,")) {
			return true
		}
	}
	return strings.HasPrefix(s[at:], "AAAA") && strings.HasPrefix(s[at+4:], "B3NzaC1") || strings.HasPrefix(s[at:], "AAAAC3NzaC1") || strings.HasPrefix(s[at:], "AAAAE2VjZHNh")
}
