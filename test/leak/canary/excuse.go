package canary

import (
	"slices"
	"strings"
)

// excuse is for canaries that audit/redact does not see through an encoding. They
// are gaps, each with the reason why it is one; a test tells when one is closed.
type excuse struct {
	holds     string // in the canary's text
	encodings []string
	why       string
}

var excuses = []excuse{
	{"пароль", []string{"JSON escapes", "hex", "URL"}, "letters beyond ASCII are not decoded, or every digest would be text"},
}

// Hides tells that the redactor cannot be blamed, yet, for not knowing a canary
// in this encoding.
func (e Encoding) Hides(c Canary) bool {
	return slices.ContainsFunc(excuses, func(x excuse) bool { return x.covers(c, e) })
}

func (x excuse) covers(c Canary, e Encoding) bool {
	return strings.Contains(c.Text, x.holds) && slices.Contains(x.encodings, e.Name)
}
