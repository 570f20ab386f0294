package console

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// clock is set by hand.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

func TestAnAnswerCountsForAMinuteAndIsGivenWhileTheNextIsMade(t *testing.T) {
	t.Parallel()
	c := &clock{}
	c.advance(time.Hour)
	r := &recent[int]{now: c.now}
	answers, asked := make(chan int), make(chan struct{}, 10)
	ask := func(context.Context) (int, error) { asked <- struct{}{}; return <-answers, nil }
	want := func(what string, number int) {
		t.Helper()
		if got, err := r.get(t.Context(), ask); got != number || err != nil {
			t.Errorf("%s: %d, %v, want %d", what, got, err, number)
		}
	}
	go func() { answers <- 1 }()
	want("the first waits", 1)
	c.advance(freshFor - 1)
	want("within a minute it counts", 1)
	c.advance(1)
	want("past it, it is given", 1)
	want("and only one asks", 1)
	answers <- 2
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if got, _ := r.get(t.Context(), ask); got == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the next answer never came")
		}
	}
	if len(asked) != 2 {
		t.Errorf("asked %d times", len(asked))
	}
	c.advance(givenFor)
	go func() { answers <- 3 }()
	want("an old one is not given", 3)
}

func TestAFaultIsNotRememberedAndWhoWaitsMayLeave(t *testing.T) {
	t.Parallel()
	c := &clock{}
	c.advance(time.Hour)
	r := &recent[int]{now: c.now}
	away := errors.New("the database is away")
	if _, err := r.get(t.Context(), func(context.Context) (int, error) { return 0, away }); !errors.Is(err, away) {
		t.Errorf("got %v", err)
	}
	ctx, leave := context.WithCancel(t.Context())
	began, end := make(chan struct{}), make(chan struct{})
	go func() { <-began; leave() }()
	if _, err := r.get(ctx, func(context.Context) (int, error) { close(began); <-end; return 4, nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(end) // the answer is made all the same
	if got, err := r.get(t.Context(), func(context.Context) (int, error) { return 4, nil }); got != 4 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
}
