package terminal

import (
	"io"
	"strings"
)

// Column is one column of a [Table].
type Column struct {
	Title string
	Right bool // leans to the right, as numbers do
	// Least is the width below which the column is not cut; 0 means that it is
	// never cut.
	Least int
	// Drop is set for columns that a narrow screen does without, the highest
	// first; 0 stays.
	Drop int
}

// Cell is one line of text with its colour.
type Cell struct {
	Text  string // [Escape] is applied to it
	Paint Paint
}

// blockRows is how many rows are seen before widths are decided, once and for
// all. The first screenful fits, and rows need not all be in memory.
const blockRows = 50

const gap = "  "

// Table writes rows in columns as they come. It is not safe for concurrent use.
type Table struct {
	Out     io.Writer
	Columns []Column
	// Width is what the screen has; cells are cut and columns dropped to fit.
	// 0 is unbounded: nothing is cut, and a long cell pushes what follows it.
	Width  int
	Colour bool

	block  [][]Cell
	widths []int // once decided; -1 is dropped
	err    error
}

// Row adds a row. The first ones are held back until there is a block of them,
// or Flush.
func (t *Table) Row(cells ...Cell) error {
	for i := range cells {
		cells[i].Text = Escape(cells[i].Text)
	}
	t.block = append(t.block, cells)
	if len(t.block) >= blockRows || t.widths != nil {
		return t.Flush()
	}
	return t.err
}

// Flush writes the rows that were held back.
func (t *Table) Flush() error {
	if t.widths == nil && len(t.block) > 0 {
		t.decide()
		t.line(t.titles())
	}
	for _, cells := range t.block {
		t.line(cells)
	}
	t.block = t.block[:0]
	return t.err
}

func (t *Table) titles() []Cell {
	cells := make([]Cell, len(t.Columns))
	for i, c := range t.Columns {
		cells[i] = Cell{c.Title, Bold}
	}
	return cells
}

func (t *Table) decide() {
	t.widths = make([]int, len(t.Columns))
	for i, c := range t.Columns {
		t.widths[i] = Width(c.Title)
		for _, row := range t.block {
			t.widths[i] = max(t.widths[i], Width(row[i].Text))
		}
	}
	if t.Width == 0 {
		return
	}
	for t.total(t.least) > t.Width && t.drop() {
	}
	for t.total(t.width) > t.Width && t.shrink() {
	}
}

func (t *Table) width(i int) int { return t.widths[i] }

func (t *Table) least(i int) int {
	if least := t.Columns[i].Least; least > 0 {
		return min(least, t.widths[i])
	}
	return t.widths[i]
}

// total is the length of a line whose columns are as wide as of tells.
func (t *Table) total(of func(column int) int) (cells int) {
	for i := range t.widths {
		if t.widths[i] >= 0 {
			cells += of(i) + len(gap)
		}
	}
	return cells - len(gap)
}

// shrink takes one cell from the widest column that may be cut.
func (t *Table) shrink() bool {
	widest := -1
	for i, c := range t.Columns {
		if c.Least > 0 && t.widths[i] > c.Least && (widest < 0 || t.widths[i] > t.widths[widest]) {
			widest = i
		}
	}
	if widest < 0 {
		return false
	}
	t.widths[widest]--
	return true
}

func (t *Table) drop() bool {
	first := -1
	for i, c := range t.Columns {
		if c.Drop > 0 && t.widths[i] >= 0 && (first < 0 || c.Drop > t.Columns[first].Drop) {
			first = i
		}
	}
	if first < 0 {
		return false
	}
	t.widths[first] = -1
	return true
}

func (t *Table) line(cells []Cell) {
	if t.err != nil {
		return
	}
	var b strings.Builder
	blanks := 0 // owed, so that no line ends in white space
	for i, c := range cells {
		width := t.widths[i]
		if width < 0 {
			continue
		}
		text := c.Text
		if t.Width > 0 {
			text = Cut(text, width)
		}
		left := max(0, width-Width(text))
		if t.Columns[i].Right {
			blanks, left = blanks+left, 0
		}
		if text != "" {
			b.WriteString(strings.Repeat(" ", blanks))
			blanks = 0
			b.WriteString(t.paint(c.Paint, text))
		}
		blanks += left + len(gap)
	}
	b.WriteByte('\n')
	_, t.err = io.WriteString(t.Out, b.String())
}

func (t *Table) paint(p Paint, text string) string {
	if !t.Colour {
		return text
	}
	return p.On(text)
}
