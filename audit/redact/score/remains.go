package score

import (
	"regexp"
	"strings"
)

// minRun is how many bytes in a row of a secret give it away.
const minRun = 8

// removed counts the secrets of which nothing remains.
func removed(t Text, masked string) (n int) {
	visible := withoutMasks(masked)
	for _, secret := range t.Secrets {
		if !remains(substance(secret), t.Text, visible) {
			n++
		}
	}
	return n
}

// remains tells whether masked shows a run of the secret: minRun bytes, or all
// of a shorter one. A run that the text also holds outside of the secret, as
// "password=password1" does, remains only if it is seen more often than there.
func remains(secret, text, masked string) bool {
	if secret == "" {
		return false
	}
	around := strings.ReplaceAll(text, secret, "\x00")
	size := min(minRun, len(secret))
	for at := 0; at+size <= len(secret); at++ {
		run := secret[at : at+size]
		if n := strings.Count(masked, run); n > 0 && n > strings.Count(around, run) {
			return true
		}
	}
	return false
}

// withoutMasks puts a byte that no secret holds in place of every mask, whose
// rule's name is not to be taken for a password.
func withoutMasks(s string) string {
	const open = "[REDACTED:"
	var b strings.Builder
	for {
		i := strings.Index(s, open)
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i] + "\x00")
		s = strings.TrimLeft(s[i+len(open):], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_-")
		s = strings.TrimPrefix(s, "]")
	}
}

// The labels of public corpora often take in what stands around the secret: the
// whole of a URL, the name in front of a value.
var (
	urlSecret = regexp.MustCompile(`(?s)^[A-Za-z][\w+.:-]*://[^\s/:@]*:(.+)@[^@]*$`)
	assigned  = regexp.MustCompile(`^[A-Za-z_][\w.-]{0,39}\s*[=:]\s*(\S[^\n]*\w[^\n]*)$`)
)

// substance is the part of a labelled secret that is secret.
func substance(labelled string) string {
	for _, p := range []*regexp.Regexp{urlSecret, assigned} {
		if m := p.FindStringSubmatch(labelled); m != nil {
			return m[1]
		}
	}
	return labelled
}
