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

var (
	newLines = []string{"JSON", "JSON escapes", "URL"}

	excuses = []excuse{
		{"ENV DB_PASSWORD", newLines, "a rule for the beginning of a line, which is not one inside another text"},
		{"requirepass", newLines, "a rule for the beginning of a line, which is not one inside another text"},
		{":5432:shop:", newLines, "a rule for the beginning of a line, which is not one inside another text"},
		{"kind: Secret\n", newLines, "a manifest is known by its lines; line ends that are written \\n, \\u000a or %0A are none"},
		{"NetworkCredential(", []string{"JSON"}, "a rule that wants quotes, which are escaped in JSON"},
		{"пароль", []string{"JSON escapes", "hex", "URL"}, "letters beyond ASCII are not decoded, or every digest would be text"},
	}
)

// Hides tells that the redactor cannot be blamed, yet, for not knowing a canary
// in this encoding.
func (e Encoding) Hides(c Canary) bool {
	return slices.ContainsFunc(excuses, func(x excuse) bool { return x.covers(c, e) })
}

func (x excuse) covers(c Canary, e Encoding) bool {
	return strings.Contains(c.Text, x.holds) && slices.Contains(x.encodings, e.Name)
}
