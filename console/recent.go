package console

import (
	"context"
	"sync"
	"time"
)

// recent remembers the last answer to a question that is dear: adding up a week of
// ten million rows takes both of two cores a quarter of a second and more. For a minute the answer
// counts as it is; for a quarter of an hour it is given at once while a new one is
// made; past that who asks waits. However many ask, one answer is made at a time.
type recent[T any] struct {
	now func() time.Time

	mu     sync.Mutex
	last   T
	at     time.Time     // when last was asked for; zero: never answered
	err    error         // of the last attempt
	making chan struct{} // closed when it is made; nil: none is
}

const (
	freshFor = time.Minute
	givenFor = 15 * time.Minute
)

// get answers from memory, or asks. The answer outlives who asked first.
func (r *recent[T]) get(ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	r.mu.Lock()
	age := r.now().Sub(r.at)
	known, last := !r.at.IsZero() && age < givenFor, r.last
	if known && age < freshFor {
		r.mu.Unlock()
		return last, nil
	}
	if r.making == nil {
		r.making = make(chan struct{})
		go r.make(context.WithoutCancel(ctx), ask)
	}
	making := r.making
	r.mu.Unlock()
	if known {
		return last, nil
	}
	select {
	case <-making:
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last, r.err
}

func (r *recent[T]) make(ctx context.Context, ask func(context.Context) (T, error)) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	began := r.now()
	answer, err := ask(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err = err; err == nil {
		r.last, r.at = answer, began
	}
	close(r.making)
	r.making = nil
}
