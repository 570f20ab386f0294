package controller

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/types"

	"github.com/auditflow/auditflow/audit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSubmittingTwiceIsOneStart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		api, targets := populate(1)
		x := targets[0]
		d := open(t, Config{Cluster: "prod"}, api, committed)
		d.submit(context.Background(), x)
		d.submit(context.Background(), x)
		d.until(t, x, stagePersisted)
		d.submit(context.Background(), x) // reconciled again before its mark is in the cache
		synctest.Wait()
		if n := len(d.temporal.times); n != 1 {
			t.Errorf("%d starts, want 1", n)
		}
		if got := d.look(x.uid); got.workflowID != "audit/KubernetesExecution/uid-0" || got.stage != stagePersisted {
			t.Errorf("known of it: %+v", got)
		}
	})
}

func TestAFailingStartIsTriedAgainWithBackOffAndAnnouncedOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const failures = 12
		api, targets := populate(1)
		d := open(t, Config{}, api, func(_ context.Context, attempt int, _ audit.Record) (run, error) {
			if attempt <= failures {
				return run{}, errors.New("connection refused")
			}
			return run{}, nil
		})
		d.submit(context.Background(), targets[0])
		d.until(t, targets[0], stagePersisted)

		if n := len(d.temporal.times); n != failures+1 {
			t.Fatalf("%d attempts, want %d", n, failures+1)
		}
		for i := range failures {
			pause := d.temporal.times[i+1].Sub(d.temporal.times[i])
			if want := min(minRetry<<i, maxRetry); pause != want {
				t.Errorf("pause %d took %s, want %s", i, pause, want)
			}
		}
		if n := d.metric(t, "auditflow_delivery_start_failures_total"); n != failures {
			t.Errorf("%v failures counted, want %d", n, failures)
		}
		if len(d.notes.list) != 1 || !strings.HasPrefix(d.notes.list[0], "ex-0 Warning AuditDelayed: ") {
			t.Errorf("events %q, want one", d.notes.list)
		}
	})
}

func TestSubmitNeverWaits(t *testing.T) {
	t.Parallel()
	const many, starters = 3000, 4 // more than the channel of changes holds
	for name, tc := range map[string]struct {
		start  func(context.Context, int, audit.Record) (run, error)
		active int
	}{
		"although all starters hang":      {func(ctx context.Context, _ int, _ audit.Record) (run, error) { return run{}, hang(ctx) }, starters},
		"although nobody reads changes":   {committed, 0},
		"although every start is refused": {func(context.Context, int, audit.Record) (run, error) { return run{}, errors.New("refused") }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				api, targets := populate(many)
				d := open(t, Config{Starters: starters, Waiters: 4}, api, tc.start)
				began := time.Now()
				for _, x := range targets[:many/2] {
					d.submit(context.Background(), x)
				}
				synctest.Wait() // until everything is stuck
				for _, x := range targets[many/2:] {
					d.submit(context.Background(), x)
				}
				if waited := time.Since(began); waited != 0 {
					t.Errorf("took %s", waited)
				}
				synctest.Wait()
				if n := len(d.byUID); n != many {
					t.Errorf("%d known, want %d", n, many)
				}
				if d.temporal.active != tc.active {
					t.Errorf("%d in flight, want %d", d.temporal.active, tc.active)
				}
			})
		})
	}
}

func TestADeliveryThatLastsLetsOthersHaveTheWaiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const slices = 5
		api, targets := populate(2)
		slow, quick := targets[0], targets[1]
		waits := 0
		d := open(t, Config{Waiters: 1}, api, func(_ context.Context, _ int, r audit.Record) (run, error) {
			if types.UID(r.ExecutionUID) == quick.uid {
				return run{}, nil
			}
			return run{end: func(ctx context.Context) error {
				if waits++; waits <= slices {
					return hang(ctx)
				}
				return nil
			}}, nil
		})
		began := time.Now()
		d.submit(context.Background(), slow)
		synctest.Wait() // it has the waiter
		d.submit(context.Background(), quick)
		d.until(t, quick, stagePersisted)
		if waited := time.Since(began); waited != waitSlice {
			t.Errorf("the other one waited %s, want one slice, %s", waited, waitSlice)
		}
		d.until(t, slow, stagePersisted)
		if waited := time.Since(began); waited != slices*waitSlice {
			t.Errorf("took %s, want %s", waited, slices*waitSlice)
		}
		if len(d.temporal.times) != 2 {
			t.Errorf("%d starts: patience must not start anything again", len(d.temporal.times))
		}
		if len(d.notes.list) != 1 || !strings.HasPrefix(d.notes.list[0], "ex-0 Warning AuditDelayed: ") ||
			!strings.Contains(d.notes.list[0], "audit/KubernetesExecution/uid-0") {
			t.Errorf("events %q, want one that names the workflow", d.notes.list)
		}
	})
}

func TestADeliveryThatEndedWithoutItsRowIsStartedAgain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		first  run
		starts int
	}{
		"terminated":      {run{end: func(context.Context) error { return &temporal.WorkflowExecutionError{} }}, 2},
		"forgotten":       {run{end: func(context.Context) error { return serviceerror.NewNotFound("no such workflow") }}, 2},
		"without rows":    {run{rows: -1}, 2},
		"with many rows":  {run{rows: 1}, 2},
		"only unreadable": {run{end: once(serviceerror.NewUnavailable("frontend is away"))}, 1}, // then it is asked again
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				api, targets := populate(1)
				var d *door
				d = open(t, Config{}, api, func(_ context.Context, attempt int, _ audit.Record) (run, error) {
					if attempt == 1 {
						return tc.first, nil
					}
					if n := d.pending(t); n != 1 {
						t.Errorf("%v pending while it is started again, want 1", n)
					}
					return run{}, nil
				})
				d.submit(context.Background(), targets[0])
				d.until(t, targets[0], stagePersisted)
				if n := len(d.temporal.times); n != tc.starts {
					t.Errorf("%d starts, want %d", n, tc.starts)
				}
				if n := d.pending(t); n != 0 {
					t.Errorf("%v pending, want 0", n)
				}
			})
		})
	}
}

func TestAnExecutionThatWasReplacedIsDropped(t *testing.T) {
	t.Parallel()
	for name, api := range map[string]cluster{
		"gone":                {},
		"another of its name": {{Namespace: "kubernaut", Name: "ex-0"}: "another"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				_, targets := populate(1)
				d := open(t, Config{}, api, committed)
				d.submit(context.Background(), targets[0])
				synctest.Wait()
				if got := d.look(targets[0].uid); got.stage != stageUnknown || len(d.byUID)+len(d.byName) != 0 {
					t.Errorf("still known: %+v", got)
				}
				if len(d.temporal.times) != 0 || d.pending(t) != 0 || len(d.notes.list) != 0 ||
					d.metric(t, "auditflow_deliveries_abandoned_total") != 0 {
					t.Errorf("%d starts, %v pending, events %q", len(d.temporal.times), d.pending(t), d.notes.list)
				}
			})
		})
	}
}

func TestADeliveryThatSomebodyEndedAfterItsExecutionWasLetGoIsReported(t *testing.T) {
	bubble(t, func(t *testing.T) {
		api, targets := populate(1)
		d := open(t, Config{}, api, func(context.Context, int, audit.Record) (run, error) {
			delete(api, targets[0].name) // let go, as Temporal has the record
			return run{end: func(context.Context) error { return &temporal.WorkflowExecutionError{} }}, nil
		})
		d.submit(context.Background(), targets[0])
		d.until(t, targets[0], stageUnknown)
		if n := d.metric(t, "auditflow_deliveries_abandoned_total"); n != 1 {
			t.Errorf("%v abandoned, want 1: its record is in the workflow's history and nowhere else", n)
		}
		if n := d.pending(t); n != 0 {
			t.Errorf("%v pending for ever", n)
		}
	})
}

func TestStopEndsAtOnceWhateverIsUnderWay(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(context.Context, int, audit.Record) (run, error){
		"idle after work":   committed,
		"starters blocked":  func(ctx context.Context, _ int, _ audit.Record) (run, error) { return run{}, hang(ctx) },
		"waiters blocked":   func(context.Context, int, audit.Record) (run, error) { return run{end: hang}, nil },
		"starts backed off": func(context.Context, int, audit.Record) (run, error) { return run{}, errors.New("refused") },
		"waits backed off": func(context.Context, int, audit.Record) (run, error) {
			return run{end: func(context.Context) error { return errors.New("unavailable") }}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				api, targets := populate(3000) // more than the channel of changes holds, and nobody reads it
				d := open(t, Config{}, api, start)
				for _, x := range targets {
					d.submit(context.Background(), x)
				}
				synctest.Wait()
				announced, started, began := len(d.notes.list), len(d.temporal.times), time.Now()
				if err := d.stop(); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("took %s", took)
				}
				if n := len(d.notes.list) - announced; n != 0 {
					t.Errorf("stopping is not a delay, but %d were announced", n)
				}
				if n := len(d.temporal.times) - started; n != 0 {
					t.Errorf("%d started after the stop", n)
				}
				d.submit(context.Background(), executionAt(types.NamespacedName{}, "late")) // harmless: the next leader finds it
			})
		})
	}
}
