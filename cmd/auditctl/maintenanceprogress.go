package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/auditflow/auditflow/internal/terminal"
)

// progress tells on a terminal how far something is, on one line that is
// overwritten; elsewhere nothing.
type progress struct {
	program     *program
	what        string
	rows0       int64 // there are, 0 when not known
	bytes0      int64
	mu          sync.Mutex
	began, told time.Time
	shown       bool
}

// progress begins to tell. rows and bytes are how many there are, 0 when that is
// not known.
func (p *program) progress(what string, rows, bytes int64) *progress {
	now := time.Now() // of the real clock: it is about speed
	return &progress{program: p, what: what, rows0: rows, bytes0: bytes, began: now, told: now}
}

// tellEvery is often enough to see that it goes on.
const tellEvery = 200 * time.Millisecond

// rows is told how many rows have been gone through.
func (b *progress) rows(n int64) {
	if !b.program.watched {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if now.Sub(b.told) < tellEvery {
		return
	}
	b.told, b.shown = now, true
	line := b.line(n, now.Sub(b.began))
	if b.program.width > 0 { // one that wraps could not be overwritten
		line = terminal.Cut(line, b.program.width-1)
	}
	fmt.Fprintf(b.program.stderr, "\r\x1b[K%s", line)
}

// line is as 2025_01  1,234,567 of 10,000,000 rows, 12%, 310,000 rows/s, 90Mi/s. How
// many bytes the rows are is reckoned from those of all.
func (b *progress) line(n int64, since time.Duration) string {
	text := b.what + "  " + grouped(n)
	if b.rows0 > 0 {
		text += fmt.Sprintf(" of %s rows, %d%%", grouped(b.rows0), n*100/b.rows0)
	} else {
		text += " rows"
	}
	perSecond := float64(n) / max(since.Seconds(), 0.001)
	text += ", " + grouped(int64(perSecond)) + " rows/s"
	if b.rows0 > 0 && b.bytes0 > 0 {
		text += ", " + mebibytes(perSecond*float64(b.bytes0)/float64(b.rows0)) + "/s"
	}
	return text
}

// done takes the line away.
func (b *progress) done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shown {
		fmt.Fprint(b.program.stderr, "\r\x1b[K")
	}
	b.shown = false
}
