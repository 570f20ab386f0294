package workflows

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
)

// asked is a run that counts how many ask for its end at once, and in all.
type asked struct {
	client.WorkflowRun
	ends time.Duration
	fail error

	mu             sync.Mutex
	now, most, all int
}

func (a *asked) GetID() string { return "audit/batch/7" }

func (a *asked) Get(ctx context.Context, result any) error {
	a.mu.Lock()
	a.now, a.all = a.now+1, a.all+1
	a.most = max(a.most, a.now)
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		a.now--
		a.mu.Unlock()
	}()
	select {
	case <-time.After(a.ends):
	case <-ctx.Done():
		return ctx.Err()
	}
	result.(*activities.Delivered).Rows = []audit.Receipt{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	return a.fail
}

func together(run *asked) []Delivery {
	end := &vigil{run: run, turn: make(chan struct{}, 1), ended: make(chan struct{})}
	return []Delivery{{run: run, end: end}, {run: run, end: end, place: 1}, {run: run, end: end, place: 2}}
}

func TestThoseOfABatchAskForItsEndOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		run := &asked{ends: time.Minute}
		var wait sync.WaitGroup
		for i, d := range together(run) {
			wait.Go(func() {
				if done, err := d.Wait(t.Context()); err != nil || len(done.Rows) != 1 || done.Rows[0].ID != string(rune('a'+i)) {
					t.Errorf("record %d: %+v, %v", i, done, err)
				}
			})
		}
		wait.Wait()
		if run.all != 1 {
			t.Errorf("asked %d times", run.all)
		}
	})
}

func TestWhenTheOneWhoAsksLeavesAnotherAsks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		run := &asked{ends: time.Minute}
		all := together(run)
		impatient, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		go func() {
			if _, err := all[0].Wait(impatient); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		}()
		synctest.Wait()
		if done, err := all[1].Wait(t.Context()); err != nil || done.Rows[0].ID != "b" {
			t.Errorf("got %+v, %v", done, err)
		}
		if run.all != 2 || run.most != 1 {
			t.Errorf("asked %d times, %d at once", run.all, run.most)
		}
	})
}

func TestABatchThatEndedWithoutRowsTellsEachAndOneThatCannotBeReachedIsAskedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		over := &asked{fail: serviceerror.NewNotFound("no such workflow")}
		away := &asked{fail: serviceerror.NewUnavailable("frontend is away")}
		for _, run := range []*asked{over, away} {
			for _, d := range together(run) {
				if _, err := d.Wait(t.Context()); !errors.Is(err, run.fail) || Ended(err) != (run == over) {
					t.Errorf("got %v", err)
				}
			}
		}
		if over.all != 1 || away.all != 3 {
			t.Errorf("asked %d and %d times, want once and each time", over.all, away.all)
		}
	})
}
