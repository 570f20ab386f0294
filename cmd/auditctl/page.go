package main

import (
	"fmt"
	"strings"

	"github.com/auditflow/auditflow/internal/terminal"
)

// page is an answer about one thing, for people: sections of named lines. What
// comes from a record is escaped and indented, so that it can neither command
// the terminal nor pass for a line of ours.
type page struct {
	out     *output
	heading string
	lines   []pageLine // of the section, until it ends
	first   error
}

// pageLine is a value with its label, or a sentence without.
type pageLine struct {
	label, value string
	paint        terminal.Paint
}

func newPage(o *output) *page { return &page{out: o} }

func (p *page) title(text, state string, paint terminal.Paint) {
	p.write("%s  %s\n", p.out.paint(terminal.Bold, terminal.Escape(text)), p.out.paint(paint, terminal.Escape(state)))
}

// section begins a section, which is not shown if nothing is in it.
func (p *page) section(heading string) {
	p.end()
	p.heading = heading
}

// line is a label and a value; nothing when there is no value.
func (p *page) line(label, value string) { p.painted(label, value, "") }

func (p *page) painted(label, value string, paint terminal.Paint) {
	if value != "" {
		p.lines = append(p.lines, pageLine{terminal.Escape(label), terminal.Escape(value), paint})
	}
}

// say is a sentence.
func (p *page) say(paint terminal.Paint, format string, args ...any) {
	p.painted("", fmt.Sprintf(format, args...), paint)
}

// text is a section of its own, with as many lines as it has.
func (p *page) text(heading, text string) {
	if text == "" {
		return
	}
	p.section(heading)
	p.begin()
	bar := p.out.paint(terminal.Dim, "│")
	for line := range strings.Lines(terminal.EscapeText(text)) {
		p.write("  %s %s\n", bar, strings.TrimSuffix(line, "\n"))
	}
}

// end writes the section, its labels as wide as the widest, within reason.
func (p *page) end() {
	if len(p.lines) == 0 {
		return
	}
	indent := ""
	if p.heading != "" {
		indent = "  "
	}
	p.begin()
	widest := 12
	for _, l := range p.lines {
		widest = max(widest, min(terminal.Width(l.label), 40))
	}
	for _, l := range p.lines {
		value := p.out.paint(l.paint, l.value)
		if l.label != "" {
			value = p.out.paint(terminal.Dim, terminal.Pad(l.label, widest, false)) + "  " + value
		}
		p.write("%s%s\n", indent, value)
	}
	p.lines = nil
}

func (p *page) begin() {
	if p.heading != "" {
		p.write("\n%s\n", p.out.paint(terminal.Cyan, p.heading))
	}
}

func (p *page) write(format string, args ...any) {
	if p.first == nil {
		_, p.first = fmt.Fprintf(p.out.to, format, args...)
	}
}

// finish writes what is held back.
func (p *page) finish() error {
	p.end()
	return p.first
}
