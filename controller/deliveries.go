package controller

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"golang.org/x/sync/semaphore"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/failpoint"
	"github.com/auditflow/auditflow/workflows"
)

// stage is how far a delivery has come, as far as this process knows.
type stage int

const (
	stageUnknown   stage = iota // not submitted by this process
	stageSubmitted              // waits to be started, or is just being started
	stageStarted                // Temporal has the record durably
	stagePersisted              // the row is committed
)

// delivery is what is known of one; small, for there may be as many as there are
// unmarked objects. Records are not kept: they are read again when needed.
type delivery struct {
	target     target
	stage      stage
	workflowID string
	receipt    audit.Receipt
	masked     int // places redacted

	handle    workflows.Delivery
	submitted time.Time
	announced bool // an event told that it takes long
	rounds    int  // how often its workflow ended without a row
	trace     *journey
}

// Config bounds what is in flight.
type Config struct {
	// Cluster names this cluster in records. Part of every row's identity.
	Cluster string
	// Reconcilers is how many objects of a kind are looked at and patched at once. They
	// wait for the API server only: where that is slow they bound a backlog. Default 8.
	Reconcilers int
	// Starters is how many executions are observed at once. Default 16.
	Starters int
	// Company is how many records more may wait for Temporal to take them, so that
	// they can gather: twice a batch lets one gather while another goes. Of all
	// records together at most [maxWaitingBytes] wait. Default 0.
	Company int
	// Waiters is how many workflows are watched at once for their end. The
	// others wait their turn; they are none the slower for it. Default 128.
	Waiters int
	// Traces makes the spans of deliveries. Default: there are none.
	Traces trace.TracerProvider
}

// Starter starts the delivery of a record, see [workflows.Starter.Start].
type Starter interface {
	Start(ctx context.Context, r audit.Record) (workflows.Delivery, error)
}

// Deliveries starts workflows for the executions it is given and waits for their
// ends, away from the reconcile workers. After each change it has the object
// reconciled again, through Changed. Safe for concurrent use.
type Deliveries struct {
	cfg     Config
	api     client.Reader
	starter Starter
	events  events.EventRecorder
	metrics *Metrics
	log     logr.Logger
	tracer  trace.Tracer
	changed chan event.GenericEvent

	observing chan struct{}       // one for each execution that is being observed
	bytes     *semaphore.Weighted // of the records that wait for Temporal

	starts workqueue.TypedRateLimitingInterface[target]
	waits  workqueue.TypedRateLimitingInterface[target]

	mu     sync.Mutex
	byUID  map[types.UID]*delivery
	byName map[place]map[types.UID]bool
	// pending counts those of byUID whose row is not known to be committed.
	pending int
}

const (
	startTimeout = 10 * time.Second // one attempt to reach API server and Temporal
	waitSlice    = 20 * time.Second // then the next delivery gets the waiter, so that none can hold all of them
	minRetry     = 100 * time.Millisecond
	maxRetry     = 30 * time.Second

	maxWaitingBytes = 64 << 20
)

// NewDeliveries takes a reader that is not cached: what is delivered must be
// what is there now.
func NewDeliveries(cfg Config, api client.Reader, starter Starter, recorder events.EventRecorder, metrics *Metrics, log logr.Logger) *Deliveries {
	if cfg.Reconcilers <= 0 {
		cfg.Reconcilers = 8
	}
	if cfg.Starters <= 0 {
		cfg.Starters = 16
	}
	if cfg.Waiters <= 0 {
		cfg.Waiters = 128
	}
	if cfg.Traces == nil {
		cfg.Traces = noop.NewTracerProvider()
	}
	queue := func() workqueue.TypedRateLimitingInterface[target] {
		return workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[target](minRetry, maxRetry))
	}
	return &Deliveries{
		cfg: cfg, api: api, starter: starter, events: recorder, metrics: metrics, log: log,
		tracer:    cfg.Traces.Tracer(scope),
		changed:   make(chan event.GenericEvent, 1024),
		observing: make(chan struct{}, cfg.Starters), bytes: semaphore.NewWeighted(maxWaitingBytes),
		starts: queue(), waits: queue(),
		byUID: map[types.UID]*delivery{}, byName: map[place]map[types.UID]bool{},
	}
}

// NeedLeaderElection tells the manager that only the leader delivers.
func (d *Deliveries) NeedLeaderElection() bool { return true }

// Start works until ctx ends. What is unfinished then is found again by whoever
// starts next: its object is not marked.
func (d *Deliveries) Start(ctx context.Context) error {
	var workers sync.WaitGroup
	run := func(n int, queue workqueue.TypedRateLimitingInterface[target], work func(context.Context, target)) {
		for range n {
			workers.Go(func() {
				for {
					t, closed := queue.Get()
					if closed {
						return
					}
					if ctx.Err() == nil {
						work(ctx, t)
					}
					queue.Done(t)
				}
			})
		}
	}
	run(d.cfg.Starters+d.cfg.Company, d.starts, d.start)
	run(d.cfg.Waiters, d.waits, d.wait)
	<-ctx.Done()
	d.starts.ShutDown()
	d.waits.ShutDown()
	workers.Wait()
	return nil
}

// start observes the facts and hands the record over to Temporal.
func (d *Deliveries) start(ctx context.Context, t target) {
	tries, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	attempt := d.starts.NumRequeues(t) + 1
	tries, span := d.traceStart(tries, t, attempt)
	handle, err := d.startOnce(tries, t)
	log := traced(tries, d.log)
	span.end(handle, err)
	switch {
	case errors.Is(err, errReplaced):
		d.starts.Forget(t)
		d.abandon(t, log)
	case err != nil && ctx.Err() == nil:
		d.metrics.startFailures.Inc()
		log.Error(err, "delivery not started; will try again", "uid", t.uid, "attempt", attempt)
		d.announce(t, "AuditDelayed", "delivery cannot be started yet and will be tried again; the execution stays until it is")
		d.starts.AddRateLimited(t)
	case err == nil:
		failpoint.Hit("deliver.started")
		d.starts.Forget(t)
		log.V(1).Info("delivery started", "uid", t.uid, "workflow", handle.ID())
		d.update(ctx, t, func(x *delivery) {
			x.stage, x.handle, x.workflowID, x.trace = stageStarted, handle, handle.ID(), x.trace.startedIn(span)
		})
		d.waits.Add(t)
	}
}

// abandon gives up on an execution that is gone. As a rule nothing is lost: an
// object with our finalizer stays until we take it off. The exception is one
// that was let go because Temporal had its record, when somebody then ended the
// workflow: its record is in that workflow's history and nowhere else.
func (d *Deliveries) abandon(t target, log logr.Logger) {
	if x := d.look(t.uid); x.workflowID != "" {
		d.metrics.abandoned.Inc()
		log.Error(nil, "the execution is gone and somebody ended its delivery; reset the workflow to have it persisted",
			"uid", t.uid, "workflow", x.workflowID)
	}
	d.drop(t.uid)
}

func (d *Deliveries) startOnce(ctx context.Context, t target) (workflows.Delivery, error) {
	starter := d.starter
	if batcher, ok := starter.(expecter); ok {
		expected := batcher.Expect() // others wait for this one while it is observed
		defer expected.Cancel()      //nolint:contextcheck // others may go now, whose callers are not this one
		starter = expected
	}
	record, err := d.record(ctx, t)
	if err != nil {
		return workflows.Delivery{}, err
	}
	size := min(int64(len(record.Output)+len(record.Error)+len(record.ActionParameters)), maxWaitingBytes)
	if err := d.bytes.Acquire(ctx, size); err != nil {
		return workflows.Delivery{}, fmt.Errorf("wait for records to be taken by Temporal: %w", err)
	}
	defer d.bytes.Release(size)
	return starter.Start(ctx, record)
}

// expecter is a Starter that wants to know which records are on their way.
type expecter interface{ Expect() *workflows.Expected }

// record observes an object when it is its turn.
func (d *Deliveries) record(ctx context.Context, t target) (audit.Record, error) {
	select {
	case d.observing <- struct{}{}:
		defer func() { <-d.observing }()
	case <-ctx.Done():
		return audit.Record{}, fmt.Errorf("wait for the turn to be observed: %w", context.Cause(ctx))
	}
	return t.source.Observe(ctx, d.api, d.cfg.Cluster, t)
}

// wait holds a delivery for a while; most end in milliseconds.
func (d *Deliveries) wait(ctx context.Context, t target) {
	current := d.look(t.uid)
	if current.stage != stageStarted {
		return
	}
	slice, cancel := context.WithTimeout(ctx, waitSlice)
	defer cancel()
	done, err := current.handle.Wait(slice)
	switch {
	case ctx.Err() != nil:
	case err == nil && len(done.Rows) == 1:
		d.waits.Forget(t)
		d.settle(ctx, t, done)
	case slice.Err() != nil:
		d.announce(t, "AuditDelayed", "not persisted yet; see workflow "+current.workflowID)
		d.waits.Forget(t)
		d.waits.Add(t)
	case err == nil, workflows.Ended(err):
		traced(current.trace.context(ctx), d.log).Error(err, "delivery ended without its row; will be started again", "uid", t.uid, "workflow", current.workflowID)
		d.waits.Forget(t)
		d.announce(t, "AuditDelayed", "its workflow ended without a row and is started again: "+current.workflowID)
		d.update(ctx, t, func(x *delivery) { x.stage, x.rounds = stageSubmitted, x.rounds+1 })
		d.starts.AddAfter(t, min(minRetry<<min(current.rounds, 10), maxRetry))
	default:
		traced(current.trace.context(ctx), d.log).V(1).Info("waiting for the delivery was interrupted", "uid", t.uid, "workflow", current.workflowID, "reason", err.Error())
		d.waits.AddRateLimited(t)
	}
}

func (d *Deliveries) settle(ctx context.Context, t target, done activities.Delivered) {
	d.update(ctx, t, func(x *delivery) {
		x.stage, x.receipt, x.masked = stagePersisted, done.Rows[0], done.Masked()
		d.pending--
	})
}
