package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/api/serviceerror"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/goleak"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/auditflow/auditflow/activities"
	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/workflows"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// These tests run in bubbles: their clock is exact and moves only when nothing
// else can, so back-off and patience take no time, and what blocks for ever or
// is left behind fails the test.

// cluster answers as the API server would. It holds executions without Jobs.
type cluster map[types.NamespacedName]types.UID

func (c cluster) Get(_ context.Context, name client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	uid, ok := c[name]
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{Group: v1.GroupVersion.Group, Resource: "kubernetesexecutions"}, name.Name)
	}
	ex := o.(*v1.KubernetesExecution)
	ex.Namespace, ex.Name, ex.UID = name.Namespace, name.Name, uid
	ex.Status.Phase = v1.PhaseCompleted
	return nil
}

func (cluster) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

// starts is a Starter that remembers its attempts.
type starts struct {
	start func(ctx context.Context, attempt int, r audit.Record) (run, error)

	mu     sync.Mutex
	times  []time.Time
	active int
}

func (s *starts) Start(ctx context.Context, r audit.Record) (workflows.Delivery, error) {
	s.mu.Lock()
	s.times = append(s.times, time.Now())
	attempt := len(s.times)
	s.active++
	s.mu.Unlock()
	started, err := s.start(ctx, attempt, r)
	s.mu.Lock()
	s.active--
	s.mu.Unlock()
	if err != nil {
		return workflows.Delivery{}, err
	}
	started.id = "audit/" + r.Source + "/" + r.ExecutionUID
	return workflows.DeliveryOf(started), nil
}

// run is a started workflow. It ends when end returns; the zero value has ended.
type run struct {
	temporalclient.WorkflowRun // not set: the rest of it is not used

	id   string
	end  func(context.Context) error
	rows int // other than the one there should be
}

func (r run) GetID() string { return r.id }

func (r run) Get(ctx context.Context, result any) error {
	if r.end != nil {
		if err := r.end(ctx); err != nil {
			return err
		}
	}
	result.(*activities.Delivered).Rows = make([]audit.Receipt, 1+r.rows)
	return nil
}

func committed(context.Context, int, audit.Record) (run, error) { return run{}, nil }

// hang waits as a call does whose server does not answer.
func hang(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// once gives an error the first time it is asked.
func once(err error) func(context.Context) error {
	return func(context.Context) error {
		defer func() { err = nil }()
		return err
	}
}

// notes is an EventRecorder that keeps what it is told.
type notes struct {
	mu   sync.Mutex
	list []string
}

func (n *notes) Eventf(o, _ runtime.Object, kind, reason, _, note string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, fmt.Sprintf("%s %s %s: %s", o.(client.Object).GetName(), kind, reason, fmt.Sprintf(note, args...)))
}

// door is Deliveries at work between its doubles.
type door struct {
	*Deliveries
	temporal *starts
	notes    *notes
	registry *prometheus.Registry
	stop     func() error
}

// open must be called in a bubble. The door is closed at the end of the test.
func open(t *testing.T, cfg Config, api cluster, start func(context.Context, int, audit.Record) (run, error)) *door {
	t.Helper()
	d := &door{temporal: &starts{start: start}, notes: &notes{}, registry: prometheus.NewRegistry()}
	d.Deliveries = NewDeliveries(cfg, api, d.temporal, d.notes, NewMetrics(d.registry), logr.Discard())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Start(ctx) }()
	d.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(forever):
			return errors.New("does not stop")
		}
	})
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// forever is longer than any patience, and over at once in a bubble.
const forever = time.Hour

// until reads changes, as the reconciler does, until the delivery is that far.
func (d *door) until(t *testing.T, x target, s stage) {
	t.Helper()
	for over := time.After(forever); d.look(x.uid).stage != s; {
		select {
		case <-d.changed:
		case <-over: // what is dropped goes without a change
			if now := d.look(x.uid).stage; now != s {
				t.Fatalf("%s stays at stage %d, want %d", x.name, now, s)
			}
		}
	}
}

func (d *door) metric(t *testing.T, name string) float64 {
	t.Helper()
	families, err := d.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue() + f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func (d *door) pending(t *testing.T) float64 {
	t.Helper()
	return d.metric(t, "kubernaut_kubernetesexecutor_pending_audit_records")
}

// populate makes a cluster of n executions.
func populate(n int) (cluster, []target) {
	c, targets := cluster{}, make([]target, n)
	for i := range targets {
		name := types.NamespacedName{Namespace: "kubernaut", Name: fmt.Sprintf("ex-%d", i)}
		targets[i] = target{name, types.UID(fmt.Sprintf("uid-%d", i))}
		c[name] = targets[i].uid
	}
	return c, targets
}

func bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

func TestSubmittingTwiceIsOneStart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		api, targets := populate(1)
		x := targets[0]
		d := open(t, Config{Cluster: "prod"}, api, committed)
		d.submit(x)
		d.submit(x)
		d.until(t, x, stagePersisted)
		d.submit(x) // reconciled again before its mark is in the cache
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
		d.submit(targets[0])
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
					d.submit(x)
				}
				synctest.Wait() // until everything is stuck
				for _, x := range targets[many/2:] {
					d.submit(x)
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
		d.submit(slow)
		synctest.Wait() // it has the waiter
		d.submit(quick)
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
				d.submit(targets[0])
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
				d.submit(targets[0])
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
		d.submit(targets[0])
		d.until(t, targets[0], stageUnknown)
		if n := d.metric(t, "auditflow_deliveries_abandoned_total"); n != 1 {
			t.Errorf("%v abandoned, want 1: its record is in the workflow's history and nowhere else", n)
		}
		if n := d.pending(t); n != 0 {
			t.Errorf("%v pending for ever", n)
		}
	})
}

func TestPendingCountsWhatHasNoRowYet(t *testing.T) {
	bubble(t, func(t *testing.T) {
		api, targets := populate(3)
		first, second, third := targets[0], targets[1], targets[2]
		rows := map[string]chan struct{}{"uid-0": make(chan struct{}), "uid-1": make(chan struct{}), "uid-2": make(chan struct{})}
		d := open(t, Config{}, api, func(_ context.Context, _ int, r audit.Record) (run, error) {
			return run{end: func(ctx context.Context) error {
				select {
				case <-rows[r.ExecutionUID]:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}}, nil
		})
		count := func(want float64, after string) {
			t.Helper()
			if n := d.pending(t); n != want {
				t.Errorf("%v pending after %s, want %v", n, after, want)
			}
		}
		count(0, "nothing")
		for _, x := range targets {
			d.submit(x)
		}
		count(3, "three were submitted")
		close(rows["uid-0"])
		d.until(t, first, stagePersisted)
		count(2, "the first was committed")
		d.forget(first.name, "")
		count(2, "the first was forgotten")
		d.drop(second.uid)
		d.drop(second.uid)
		count(1, "the second was dropped")
		close(rows["uid-1"])
		synctest.Wait()
		count(1, "the second was committed after all")
		close(rows["uid-2"])
		d.until(t, third, stagePersisted)
		count(0, "the third was committed")
		d.drop(third.uid)
		count(0, "the third was marked")
	})
}

func TestForgettingANameKeepsWhatIsNotSettledAndWhoHasTheNameNow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		name := types.NamespacedName{Namespace: "kubernaut", Name: "reused"}
		old, unsettled, current := target{name, "old"}, target{name, "unsettled"}, target{name, "current"}
		api := cluster{}
		d := open(t, Config{}, api, func(_ context.Context, _ int, r audit.Record) (run, error) {
			if types.UID(r.ExecutionUID) == unsettled.uid {
				return run{end: hang}, nil
			}
			return run{}, nil
		})
		for _, x := range []struct {
			target
			stage
		}{{old, stagePersisted}, {unsettled, stageStarted}, {current, stagePersisted}} {
			api[name] = x.uid
			d.submit(x.target)
			d.until(t, x.target, x.stage)
		}
		d.forget(name, current.uid)
		for x, want := range map[target]stage{old: stageUnknown, unsettled: stageStarted, current: stagePersisted} {
			if got := d.look(x.uid).stage; got != want {
				t.Errorf("%s: stage %d, want %d", x.uid, got, want)
			}
		}
		d.forget(name, "")
		if got := d.look(current.uid).stage; got != stageUnknown {
			t.Errorf("settled and gone, but at stage %d", got)
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
					d.submit(x)
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
				d.submit(target{uid: "late"}) // harmless: the next leader finds it
			})
		})
	}
}
