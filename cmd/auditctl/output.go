package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/auditflow/auditflow/internal/terminal"
)

// The formats of -o.
const (
	formatTable = "table"
	formatWide  = "wide"
	formatJSON  = "json"
	formatCSV   = "csv"
)

// output is where answers go, and how.
type output struct {
	to     *stream
	format string
	person bool // it is a terminal
	width  int  // of the terminal; 0 when not known
	colour bool
	zone   *time.Location
}

// newOutput decides once what the answer looks like.
func (p *program) newOutput() *output {
	noColor, _ := p.env(variableNoColor)
	o := &output{
		to: newStream(p.stdout, p.person), format: p.flags.format,
		person: p.person, width: p.width, zone: p.flags.zone.Location,
	}
	switch p.flags.color {
	case "always":
		o.colour = true
	case "auto":
		o.colour = p.person && noColor == ""
	}
	return o
}

func (o *output) paint(paint terminal.Paint, text string) string {
	if !o.colour {
		return text
	}
	return paint.On(text)
}

// forPeople tells tables from what programs read.
func (o *output) forPeople() bool { return o.format == formatTable || o.format == formatWide }

// outputError is an answer that could not be written.
type outputError struct{ err error }

func (e *outputError) Error() string { return "write the answer: " + e.err.Error() }
func (e *outputError) Unwrap() error { return e.err }

type outputWriter struct{ to io.Writer }

func (w outputWriter) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	if err != nil {
		err = &outputError{err}
	}
	return n, err
}

// stream gathers output, so that a million rows are not a million writes; but
// whoever waits sees the first row at once, and a person each one.
type stream struct {
	*bufio.Writer
	eager bool
}

func newStream(to io.Writer, person bool) *stream {
	return &stream{bufio.NewWriterSize(outputWriter{to}, 64<<10), person}
}

// rowEnds is to be called after each row.
func (s *stream) rowEnds(n int64) error {
	if n > 1 && !s.eager {
		return nil
	}
	return s.Flush()
}

// sheet says how values of one type are written.
type sheet[T any] struct {
	table, wide []column[T]
	csv         []field[T]
	// count sees each value, totals is the last line of a table; nil is none.
	count  func(*T)
	totals func(rows int64) string
}

// column is one column of a table.
type column[T any] struct {
	terminal.Column
	cell func(*T) terminal.Cell
}

// rowWriter writes values one by one; end writes what is held back.
type rowWriter[T any] interface {
	write(*T) error
	end() error
}

// list writes all rows as they come. After an error of theirs, the rows before
// it have been written.
func list[T any](o *output, s sheet[T], rows iter.Seq2[T, error]) (n int64, err error) {
	w, err := rowsTo(o, s)
	if err != nil {
		return 0, err
	}
	for row, err := range rows {
		if err != nil {
			_ = w.end() // the rows' error is the one to tell
			return n, err
		}
		if err := w.write(&row); err != nil {
			return n, err
		}
		n++
		if s.count != nil {
			s.count(&row)
		}
		if err := o.to.rowEnds(n); err != nil {
			return n, err
		}
	}
	if err := w.end(); err != nil {
		return n, err
	}
	if o.forPeople() && n > 0 && s.totals != nil {
		_, err = io.WriteString(o.to, "\n"+o.paint(terminal.Dim, s.totals(n))+"\n")
	}
	return n, err
}

func rowsTo[T any](o *output, s sheet[T]) (rowWriter[T], error) {
	switch o.format {
	case formatJSON:
		return jsonLines[T]{o.encoder()}, nil
	case formatCSV:
		w := csvRows[T]{o.to, s.csv, o.person}
		return w, w.header()
	case formatWide:
		return newTable(o, s.wide, 0), nil
	default:
		return newTable(o, s.table, o.width), nil
	}
}

// encoder writes JSON: as it is to a pipe; to a terminal so that it obeys nothing
// in it, which is the same JSON.
func (o *output) encoder() *json.Encoder {
	var to io.Writer = o.to
	if o.person {
		to = visibleJSON{o.to}
	}
	e := json.NewEncoder(to)
	e.SetEscapeHTML(false) // for people who read, and for jq: not for browsers
	return e
}

// visibleJSON escapes what a terminal would obey or hide. encoding/json escapes
// the control characters of ASCII itself, but not the others.
type visibleJSON struct{ to io.Writer }

func (w visibleJSON) Write(b []byte) (int, error) {
	var text strings.Builder
	for _, c := range string(b) { // a whole value: the encoder writes it at once
		switch {
		case c == '\n' || unicode.IsPrint(c):
			text.WriteRune(c)
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&text, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&text, `\u%04x`, c)
		}
	}
	if _, err := io.WriteString(w.to, text.String()); err != nil {
		return 0, err
	}
	return len(b), nil
}

// jsonLines writes one object per line (https://jsonlines.org).
type jsonLines[T any] struct{ to *json.Encoder }

func (w jsonLines[T]) write(v *T) error { return w.to.Encode(v) }
func (jsonLines[T]) end() error         { return nil }

type tableRows[T any] struct {
	table   *terminal.Table
	columns []column[T]
}

func newTable[T any](o *output, columns []column[T], width int) tableRows[T] {
	t := &terminal.Table{Out: o.to, Width: width, Colour: o.colour}
	for _, c := range columns {
		t.Columns = append(t.Columns, c.Column)
	}
	return tableRows[T]{t, columns}
}

func (w tableRows[T]) write(v *T) error {
	cells := make([]terminal.Cell, len(w.columns))
	for i, c := range w.columns {
		cells[i] = c.cell(v)
	}
	return w.table.Row(cells...)
}

func (w tableRows[T]) end() error { return w.table.Flush() }

// all yields a slice as if it were read row by row.
func all[T any](rows []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

type rowSequence = iter.Seq2[row, error]
