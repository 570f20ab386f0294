package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"

	v1 "github.com/auditflow/auditflow/api/v1"
)

// screen is where we print: lines from several goroutines, in colour when a
// person is looking.
type screen struct {
	mu     sync.Mutex
	out    io.Writer
	person bool // somebody is looking: it is a terminal
	colour bool
}

func newScreen(out io.Writer, noColor bool) *screen {
	s := &screen{out: out}
	if f, ok := out.(*os.File); ok {
		s.person = term.IsTerminal(int(f.Fd()))
	}
	s.colour = s.person && !noColor && os.Getenv("NO_COLOR") == ""
	return s
}

// progress keeps one line of a terminal up to date, and tells files nothing.
func (s *screen) progress(done, all int) {
	if !s.person {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "\r  %d of %d", done, all)
	if done == all {
		fmt.Fprint(s.out, "\n")
	}
}

func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, format+"\n", args...)
}

// paint is an ANSI colour; the empty one is none.
type paint string

const (
	green  paint = "32"
	red    paint = "31"
	yellow paint = "33"
	purple paint = "35"
	dim    paint = "2"
	bold   paint = "1"
)

func (s *screen) paint(p paint, text string) string {
	if !s.colour || p == "" {
		return text
	}
	return "\x1b[" + string(p) + "m" + text + "\x1b[0m"
}

func phasePaint(phase string) paint {
	switch v1.Phase(phase) {
	case v1.PhaseCompleted:
		return green
	case v1.PhaseFailed:
		return red
	case v1.PhaseCancelled:
		return yellow
	default:
		return purple // deleted before it ended
	}
}
