package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// screen prints lines of several goroutines, each with the time since the start.
type screen struct {
	mu    sync.Mutex
	out   io.Writer
	began time.Time
}

func newScreen(out io.Writer) *screen { return &screen{out: out, began: time.Now()} }

func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "%5.0f s  "+format+"\n", append([]any{time.Since(s.began).Seconds()}, args...)...)
}

func seconds(d time.Duration) float64 {
	return float64(d.Round(100*time.Millisecond)) / float64(time.Second)
}
