package main

import (
	"fmt"
	"strconv"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/terminal"
)

// recordMasking is what was masked below one path of a record.
type recordMasking struct {
	audit.Redaction
	Why string `json:"why"`
}

// explainRecord tells what was masked in a record, by its own list.
func (p *program) explainRecord(record audit.Record) error {
	rows := make([]recordMasking, len(record.Redactions))
	for i, m := range record.Redactions {
		rows[i] = recordMasking{m, why(m.Rule)}
	}
	return explained(p, recordMaskingSheet(record.Policy), all(rows), record.Policy)
}

func recordMaskingSheet(policy string) sheet[recordMasking] {
	type line = recordMasking
	columns := []column[line]{
		{terminal.Column{Title: "PATH", Least: 20}, func(m *line) terminal.Cell { return terminal.Cell{Text: m.Path} }},
		{terminal.Column{Title: "RULE"}, func(m *line) terminal.Cell { return terminal.Cell{Text: m.Rule, Paint: terminal.Yellow} }},
		{terminal.Column{Title: "PLACES", Right: true}, func(m *line) terminal.Cell { return terminal.Cell{Text: strconv.Itoa(m.Count)} }},
		{terminal.Column{Title: "WHY", Least: 20, Drop: 1}, func(m *line) terminal.Cell { return terminal.Cell{Text: m.Why, Paint: terminal.Dim} }},
	}
	places := 0
	return sheet[line]{
		table: columns, wide: columns,
		csv: []field[line]{
			{"rule", func(m *line) any { return m.Rule }},
			{"path", func(m *line) any { return m.Path }},
			{"count", func(m *line) any { return int64(m.Count) }},
			{"why", func(m *line) any { return m.Why }},
		},
		count: func(m *line) { places += m.Count },
		totals: func(int64) string {
			return fmt.Sprintf("%s masked (policy %s)", plural(int64(places), "place"), policy)
		},
	}
}
