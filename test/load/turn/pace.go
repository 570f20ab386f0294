package turn

import (
	"context"
	"sync"
	"time"
)

// Pace is a clock that several callers share.
type Pace struct {
	rate  float64 // a second; 0 is as fast as can be
	mu    sync.Mutex
	began time.Time
	given int
}

// NewPace begins now.
func NewPace(rate float64) *Pace { return &Pace{rate: rate, began: time.Now()} }

// Wait returns when so many more are due, at the latest when ctx ends; who is
// late does not wait.
func (p *Pace) Wait(ctx context.Context, n int) {
	if p.rate == 0 {
		return
	}
	p.mu.Lock()
	due := p.began.Add(time.Duration(float64(p.given) / p.rate * float64(time.Second)))
	p.given += n
	p.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(due)):
	}
}
