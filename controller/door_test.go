package controller

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	temporalclient "go.temporal.io/sdk/client"
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
	return openLogged(t, cfg, api, start, logr.Discard())
}

func openLogged(t *testing.T, cfg Config, api client.Reader, start func(context.Context, int, audit.Record) (run, error), log logr.Logger) *door {
	t.Helper()
	d := &door{temporal: &starts{start: start}, notes: &notes{}, registry: prometheus.NewRegistry()}
	d.Deliveries = NewDeliveries(cfg, api, d.temporal, d.notes, NewMetrics(d.registry), log)
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

var executions = &Executions{}

func executionAt(name types.NamespacedName, uid types.UID) target {
	return target{name: name, uid: uid, source: executions}
}

// populate makes a cluster of n executions.
func populate(n int) (cluster, []target) {
	c, targets := cluster{}, make([]target, n)
	for i := range targets {
		name := types.NamespacedName{Namespace: "kubernaut", Name: fmt.Sprintf("ex-%d", i)}
		targets[i] = executionAt(name, types.UID(fmt.Sprintf("uid-%d", i)))
		c[name] = targets[i].uid
	}
	return c, targets
}

func bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}
