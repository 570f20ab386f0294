package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/auditflow/auditflow/test/faults/judge"
	"github.com/auditflow/auditflow/test/world"
)

// fault is one row of the matrix.
type fault struct {
	number      int
	name        string
	expectation string
	injection   string
	// why it cannot be injected here; "" if it can.
	why string

	load load
	// small: PostgreSQL has a small file system to itself.
	small bool
	// quick: it is part of the selection that takes a few minutes.
	quick bool
	// outlasts: it may leave behind what the next one should not meet; a new stage is
	// raised then.
	outlasts bool

	// prepare, unless nil, is done before the load begins: what takes long and harms
	// nobody.
	prepare func(ctx context.Context, t *trial) error
	// inject does the harm, for as long as it lasts, while the load runs.
	inject func(ctx context.Context, t *trial) error
	// heal makes good what was done. Whatever does not run is started afterwards.
	heal func(ctx context.Context, t *trial) error
	// settled, unless nil, is done when everything has its row: what is left of the
	// expectation is checked, and complained about.
	settled func(ctx context.Context, t *trial) error
	// failpoints at which it kills somebody.
	failpoints []string
}

// trial is one fault under load.
type trial struct {
	*stage
	fault *fault
	// name is the namespace of the executions, and the workflow_ref of all records.
	name  string
	seed  uint64
	quick bool
	say   func(format string, args ...any)

	books   *judge.Books
	secrets *secrets
	outage  time.Duration // of a server that is away for long
	verdict judge.Verdict // once the judge has spoken
	leaked  int
	healed  time.Time

	second      *world.Program // controller; nil: there is none
	others      string         // directory of programs that take the place of the product's; "": there are none
	from        string         // commit that an upgrade begins with; "" is the release before
	upgrade     *upgrade       // nil: there is none
	began       time.Time
	doors       atomic.Pointer[[]string] // of HTTP that clients use by turns; nil: the product's
	turn        atomic.Int64
	kills, runs atomic.Int64
	mu          sync.Mutex
	rng         *rand.Rand
	complaints  []string
	figures     map[string]float64
}

func newTrial(st *stage, f *fault, seed uint64, quick bool, say func(string, ...any)) *trial {
	name := fmt.Sprintf("fault-%02d-%x", f.number, time.Now().UnixMilli())
	return &trial{
		began: time.Now(), stage: st, fault: f, name: name, seed: seed, quick: quick, say: say,
		books: judge.NewBooks(), figures: map[string]float64{}, secrets: newSecrets(seed, name), rng: rand.New(rand.NewPCG(seed, uint64(f.number))),
	}
}

// complain notes that an expectation is not met.
func (t *trial) complain(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text := fmt.Sprintf(format, args...); len(t.complaints) < 10 && !slices.Contains(t.complaints, text) {
		t.complaints = append(t.complaints, text)
	}
}

// figure notes what is worth telling and no promise.
func (t *trial) figure(name string, value float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.figures[name] = value
}

// between is a random time, reproducible from the seed.
func (t *trial) between(least, most time.Duration) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return least + time.Duration(t.rng.Int64N(int64(most-least)+1))
}

func (t *trial) intN(n int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rng.IntN(n)
}

// sooner is how often, or how long, in a quick run.
func sooner[T int | time.Duration](t *trial, full, quick T) T {
	if t.quick {
		return quick
	}
	return full
}

// attend tells clients at which doors to post from now on; none is the product's own.
func (t *trial) attend(doors []string) {
	if len(doors) == 0 {
		t.doors.Store(nil)
		return
	}
	t.doors.Store(&doors)
}

// door is where the next request goes.
func (t *trial) door() string {
	doors := t.doors.Load()
	if doors == nil {
		return t.product.API.URL
	}
	return (*doors)[int(t.turn.Add(1))%len(*doors)]
}

// kill ends a program with SIGKILL.
func (t *trial) kill(p *world.Program) {
	if p.Running() {
		t.kills.Add(1)
	}
	p.Kill()
}

// rest lets something last.
func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// until waits for a condition.
func until(ctx context.Context, patience time.Duration, what string, condition func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var err error
	for {
		last := err
		if err = condition(ctx); err == nil {
			return nil
		}
		if ctx.Err() != nil && last != nil {
			err = last // what it was before the time was over
		}
		if rest(ctx, 200*time.Millisecond) != nil {
			return fmt.Errorf("waited %s for %s: %w", patience, what, err)
		}
	}
}
