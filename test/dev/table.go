package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/types"
)

// line is one execution as people see it.
type line struct {
	name, action, phase string
	exit, reason        string
	workflow            string
	masked              int
	lag                 time.Duration
}

const unknown = "—"

func lineOf(f finished, r row) line {
	return line{
		name: f.completion.Name.Name, action: r.Action, phase: phaseOf(f, r),
		exit: exitOf(r), reason: r.ExitReason, workflow: shortID(r.DeliveredBy),
		masked: r.Masked, lag: lag(f.completion.At, r.Persisted),
	}
}

func phaseOf(f finished, r row) string {
	if f.scenario.want.deleted && !f.completion.Phase.Terminal() {
		return r.Phase + ", deleted"
	}
	return r.Phase
}

func exitOf(r row) string {
	if r.ExitCode == nil {
		return unknown
	}
	return fmt.Sprint(*r.ExitCode)
}

// shortID keeps what tells workflows apart: audit/KubernetesExecution/3f2c…
// becomes 3f2c9d41.
func shortID(id string) string {
	last := id[strings.LastIndexByte(id, '/')+1:]
	return last[:min(8, len(last))]
}

// lines are those of the executions that have a row, in the order they ended.
func (b books) lines() []line {
	byUID := map[types.UID]row{}
	for _, r := range b.rows {
		byUID[types.UID(r.UID)] = r
	}
	var all []line
	for _, f := range b.finished {
		if r, ok := byUID[f.completion.UID]; ok {
			all = append(all, lineOf(f, r))
		}
	}
	return all
}

// cell is text with its colour, which has no width.
type cell struct {
	text  string
	paint paint
}

func (l line) cells() []cell {
	exit := cell{text: l.exit}
	if l.exit != "0" {
		exit.paint = phasePaint(l.phase)
	}
	masked := cell{"·", dim}
	if l.masked > 0 {
		masked = cell{fmt.Sprint(l.masked), yellow}
	}
	return []cell{
		{text: l.name}, {text: l.action}, {l.phase, phasePaint(l.phase)}, exit, {l.reason, dim},
		{l.workflow, dim}, masked, {text: fmt.Sprintf("%.0f ms", milliseconds(l.lag))},
	}
}

// layout is the columns: their names, least widths, and which lean to the right.
var layout = []struct {
	name  string
	width int
	right bool
}{
	{"EXECUTION", 26, false},
	{"ACTION", 19, false},
	{"PHASE", 18, false},
	{"EXIT", 4, true},
	{"REASON", 20, false},
	{"WORKFLOW", 8, false},
	{"MASKED", 6, true},
	{"LAG", 8, true},
}

func (s *screen) header() string {
	var cells []cell
	for _, column := range layout {
		cells = append(cells, cell{column.name, bold})
	}
	return s.row(cells)
}

func (s *screen) line(l line) string { return s.row(l.cells()) }

func (s *screen) row(cells []cell) string {
	var b strings.Builder
	for i, c := range cells {
		gap := strings.Repeat(" ", max(0, layout[i].width-utf8.RuneCountInString(c.text)))
		text := s.paint(c.paint, c.text)
		if layout[i].right {
			text = gap + text
		} else if i < len(cells)-1 {
			text += gap
		}
		b.WriteString("  " + text)
	}
	return b.String()
}
