package main

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/internal/terminal"
)

// masking is one masked stretch of a text, as --explain tells it.
type masking struct {
	finding
	Line    int    `json:"line"`   // from 1
	Column  int    `json:"column"` // from 1, in characters
	Why     string `json:"why"`
	Context string `json:"context"` // of the redacted text
}

// explainText tells what is masked in a text.
func (p *program) explainText(text string, r *redact.Redactor) error {
	masked, found := r.Text(text)
	return explained(p, maskingSheet(r.Version()), maskings(text, masked, found), r.Version())
}

func explained[T any](p *program, s sheet[T], rows iter.Seq2[T, error], policy string) error {
	n, err := list(p.out, s, rows)
	if err == nil && n == 0 && p.out.forPeople() {
		p.tell("Nothing is masked (policy %s).", policy)
	}
	return err
}

// maskings goes through findings, which are in the order of the text, and finds
// each mask in the redacted text: nothing is shown that was not redacted.
func maskings(text, masked string, found []redact.Finding) iter.Seq2[masking, error] {
	return func(yield func(masking, error) bool) {
		at := spot{line: 1, column: 1}
		shift := 0 // offset in masked minus offset in text
		for _, f := range found {
			at.advance(text, f.Start)
			begin := f.Start + shift
			end := begin + strings.IndexByte(masked[begin:], ']') + 1
			shift = end - f.End
			m := masking{finding{f.Rule, f.Start, f.End}, at.line, at.column, why(f.Rule), contextOf(masked, begin, end)}
			if !yield(m, nil) {
				return
			}
		}
	}
}

// spot is where in a text something is, as editors count.
type spot struct{ offset, line, column int }

func (p *spot) advance(text string, offset int) {
	passed := text[p.offset:offset]
	if lines := strings.Count(passed, "\n"); lines > 0 {
		p.line += lines
		p.column = 1
		passed = passed[strings.LastIndexByte(passed, '\n')+1:]
	}
	p.column += utf8.RuneCountInString(passed)
	p.offset = offset
}

// contextBytes is how much of its line is shown on either side of a mask.
const contextBytes = 30

// contextOf cuts a mask and what stands around it in its line out of the
// redacted text, between characters.
func contextOf(masked string, begin, end int) string {
	first, last := max(0, begin-contextBytes), min(len(masked), end+contextBytes)
	for first > 0 && first < begin && !utf8.RuneStart(masked[first]) {
		first++
	}
	for last > end && last < len(masked) && !utf8.RuneStart(masked[last]) {
		last--
	}
	before, after := masked[first:begin], masked[end:last]
	if i := strings.LastIndexByte(before, '\n'); i >= 0 {
		before = before[i+1:]
	} else if first > 0 {
		before = "…" + before
	}
	if i := strings.IndexByte(after, '\n'); i >= 0 {
		after = strings.TrimSuffix(after[:i], "\r")
	} else if last < len(masked) {
		after += "…"
	}
	return before + masked[begin:end] + after
}

func maskingSheet(policy string) sheet[masking] {
	columns := []column[masking]{
		{terminal.Column{Title: "LINE:COL"}, func(m *masking) terminal.Cell {
			return terminal.Cell{Text: strconv.Itoa(m.Line) + ":" + strconv.Itoa(m.Column)}
		}},
		{terminal.Column{Title: "OFFSET", Right: true, Drop: 2}, func(m *masking) terminal.Cell { return terminal.Cell{Text: strconv.Itoa(m.Start)} }},
		{terminal.Column{Title: "LENGTH", Right: true}, func(m *masking) terminal.Cell { return terminal.Cell{Text: strconv.Itoa(m.End - m.Start)} }},
		{terminal.Column{Title: "RULE"}, func(m *masking) terminal.Cell { return terminal.Cell{Text: m.Rule, Paint: terminal.Yellow} }},
		{terminal.Column{Title: "WHY", Least: 16, Drop: 1}, func(m *masking) terminal.Cell { return terminal.Cell{Text: m.Why, Paint: terminal.Dim} }},
		{terminal.Column{Title: "CONTEXT", Least: 44}, func(m *masking) terminal.Cell { return terminal.Cell{Text: m.Context} }},
	}
	masked := 0
	return sheet[masking]{
		table: columns, wide: columns,
		csv: []field[masking]{
			{"rule", func(m *masking) any { return m.Rule }},
			{"start", func(m *masking) any { return int64(m.Start) }},
			{"end", func(m *masking) any { return int64(m.End) }},
			{"line", func(m *masking) any { return int64(m.Line) }},
			{"column", func(m *masking) any { return int64(m.Column) }},
			{"why", func(m *masking) any { return m.Why }},
			{"context", func(m *masking) any { return m.Context }},
		},
		count: func(m *masking) { masked += m.End - m.Start },
		totals: func(rows int64) string {
			return fmt.Sprintf("%s masked, %s (offsets and lengths in bytes; policy %s)", plural(rows, "place"), plural(int64(masked), "byte"), policy)
		},
	}
}
