package workflows

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What Temporal accepts, in bytes: a keyword of SQL visibility, a summary, and
// details (its defaults are 255 characters, 400 bytes and 20,000 bytes; a
// summary is stored as a JSON string, hence the margin).
const (
	maxKeyword = 255
	maxSummary = 380
	maxDetails = 4000

	maxBatchDetails = 15_000
	maxName         = 80 // in a line of a batch's details
)

// maxEnvelope is what gRPC carries in one request (4 MiB), less what else is in
// it, in bytes. The SDK would try a larger one again and again. The server takes
// less by default (2 MiB), and says so.
const maxEnvelope = 4<<20 - 64<<10

// cut shortens s to at most n bytes without splitting a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// plain removes what could break a line, reorder the text around it or close
// the code span it stands in: control and format characters and back-ticks.
func plain(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '`' || !unicode.IsPrint(c) {
			return '\ufffd'
		}
		return c
	}, s)
}

// said is a message of a failure on a line of Markdown: plain, with the
// back-ticks that PostgreSQL's driver quotes with as apostrophes.
func said(message string) string { return plain(strings.ReplaceAll(message, "`", "'")) }
