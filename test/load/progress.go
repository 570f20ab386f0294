package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress tells how far a long step has come: one line that is kept up to date
// on a terminal, a plain line every ten seconds otherwise. Its methods may be
// called from several goroutines.
type progress struct {
	out    io.Writer
	person bool // somebody is looking: it is a terminal

	mu        sync.Mutex
	what      string
	all, done int
	began     time.Time
	told      time.Time
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out}
	if f, ok := out.(*os.File); ok {
		p.person = term.IsTerminal(int(f.Fd()))
	}
	return p
}

// begin starts a step of so many; 0 where only its end can be told.
func (p *progress) begin(what string, all int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what, p.all, p.done, p.began = what, all, 0, time.Now()
	p.told = p.began
}

func (p *progress) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	patience := 10 * time.Second
	if p.person {
		patience = 200 * time.Millisecond
	}
	if p.all == 0 || time.Since(p.told) < patience {
		return
	}
	p.told = time.Now()
	if p.person {
		fmt.Fprintf(p.out, "\r\x1b[K  %s", p.state())
		return
	}
	fmt.Fprintf(p.out, "  %s\n", p.state())
}

// state is "  250000 of 1000000 rows, 41200/s, 18 s to go".
func (p *progress) state() string {
	rate := float64(p.done) / time.Since(p.began).Seconds()
	left := time.Duration(float64(p.all-p.done) / max(rate, 1e-9) * float64(time.Second))
	return fmt.Sprintf("%d of %d %s, %.0f/s, %s to go", p.done, p.all, p.what, rate, left.Round(time.Second))
}

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.person {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	took := time.Since(p.began)
	fmt.Fprintf(p.out, "  %d %s in %.1f s (%.0f/s)\n", p.done, p.what, took.Seconds(), float64(p.done)/took.Seconds())
}
