package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/auditflow/auditflow/internal/terminal"
)

// field is one column of CSV. Values are raw: numbers without units, times in
// RFC 3339, nil for what is not known.
type field[T any] struct {
	name  string
	value func(*T) any
}

// csvRows writes RFC 4180: lines end in CRLF, and what has a comma, quote or line
// break in it stands in quotes. encoding/csv would change line breaks within.
type csvRows[T any] struct {
	to     *stream
	fields []field[T]
	// visible makes control characters visible, for a terminal.
	visible bool
}

func (w csvRows[T]) header() error {
	names := make([]string, len(w.fields))
	for i, f := range w.fields {
		names[i] = f.name
	}
	return w.line(names)
}

func (w csvRows[T]) write(v *T) error {
	cells := make([]string, len(w.fields))
	for i, f := range w.fields {
		cells[i] = csvCell(f.value(v))
		if w.visible {
			cells[i] = terminal.EscapeText(cells[i])
		}
	}
	return w.line(cells)
}

func (w csvRows[T]) line(cells []string) error {
	_, err := w.to.WriteString(strings.Join(cells, ",") + "\r\n")
	return err
}

func (csvRows[T]) end() error { return nil }

// csvCell encodes a value. Only text can hold a formula.
func csvCell(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return quoted(harmless(v))
	case json.RawMessage:
		return quoted(harmless(string(v)))
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format(time.RFC3339Nano)
	default:
		panic(fmt.Sprintf("auditctl: no CSV for %T", value)) // a column of ours is wrong
	}
}

func quoted(s string) string {
	if !strings.ContainsAny(s, "\",\r\n") && strings.TrimSpace(s) == s {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// number is text that a spreadsheet may take for the number it is.
var number = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// harmless puts an apostrophe before text that a spreadsheet would take for a
// formula (https://owasp.org/www-community/attacks/CSV_Injection): what begins
// with = + - @ tab or line break, or with the full-width forms of those, also
// after blanks, which some programs skip.
func harmless(s string) string {
	if number.MatchString(s) {
		return s
	}
	first := strings.TrimLeft(s, " \u00a0\ufeff")
	c, size := utf8.DecodeRuneInString(first)
	if size > 0 && strings.ContainsRune("=+-@\t\r\n＝＋－＠", c) {
		return "'" + s
	}
	return s
}
