package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// ticker tells what a long step is at: one line that is kept up to date on a
// terminal, a plain line every ten seconds otherwise.
type ticker struct {
	out    io.Writer
	person bool // somebody is looking: it is a terminal
}

func newTicker(out io.Writer) *ticker {
	t := &ticker{out: out}
	if f, ok := out.(*os.File); ok {
		t.person = term.IsTerminal(int(f.Fd()))
	}
	return t
}

// follow tells a step's state until the function it returns is called, which
// leaves nothing on the screen.
func (t *ticker) follow(state func() string) (end func()) {
	every := 10 * time.Second
	if t.person {
		every = 200 * time.Millisecond
	}
	done := make(chan struct{})
	var told sync.WaitGroup
	told.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if t.person {
				fmt.Fprintf(t.out, "\r\x1b[K  %s", state())
			} else {
				fmt.Fprintf(t.out, "  %s\n", state())
			}
		}
	})
	return func() {
		close(done)
		told.Wait()
		if t.person {
			fmt.Fprint(t.out, "\r\x1b[K")
		}
	}
}

// since is a state of nothing but the time that has passed.
func since(what string) func() string {
	began := time.Now()
	return func() string { return fmt.Sprintf("%s, %.0f s", what, time.Since(began).Seconds()) }
}
