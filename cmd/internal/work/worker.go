package work

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

// Means are what a worker works with and does not make itself. All are required
// and stay their owner's to close.
type Means struct {
	Temporal client.Client
	Metrics  client.MetricsHandler // of the client, see [temporalclient.Metrics]
	Traces   trace.TracerProvider  // of the client likewise; nil, the one that is not required: none
	Sealer   *seal.Sealer
	Redactor *redact.Redactor
	Registry prometheus.Registerer
	Log      *slog.Logger
}

// Worker is a worker with its stores.
type Worker struct {
	Means
	settings  Settings
	store     *postgres.Store
	deliver   *activities.Deliver
	maintain  *activities.Maintain          // nil when this worker does no maintenance
	schedules *worker.ScheduleGauges        // nil likewise
	working   atomic.Pointer[client.Client] // nil while it does not
	closers   []func()                      // called last first
}

// Open makes a worker. Its servers need not be there yet.
func Open(ctx context.Context, s Settings, m Means) (*Worker, error) {
	s.common.Temporal.Metrics, s.common.Temporal.Traces = m.Metrics, m.Traces
	w := &Worker{Means: m, settings: s}
	store, err := postgres.Open(ctx, s.database)
	if err != nil {
		return nil, err
	}
	w.store, w.closers = store, append(w.closers, store.Close)
	m.Registry.MustRegister(activities.NewQuarantineGauge(store))
	w.deliver = &activities.Deliver{
		Sealer: m.Sealer, Redactor: m.Redactor, Store: store,
		ErrorClass: postgres.Class, Metrics: activities.NewMetrics(m.Registry),
	}
	if err := w.openMaintenance(ctx); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Close gives back what Open took. Run must have returned.
func (w *Worker) Close() {
	for _, closeOne := range slices.Backward(w.closers) {
		closeOne()
	}
}

// Ready says why the worker does not work; nil when it does.
func (w *Worker) Ready(ctx context.Context) error {
	if w.Client() == nil {
		return errors.New("not working yet: waiting for PostgreSQL or Temporal, see the log")
	}
	return errors.Join(w.store.Ping(ctx), temporalclient.Check(ctx, w.Temporal, w.settings.common.Temporal.Namespace))
}

// Client is the one that the worker works with, for eager starts; nil while it
// does not work.
func (w *Worker) Client() client.Client {
	if own := w.working.Load(); own != nil {
		return *own
	}
	return nil
}

// Run waits for both servers, works until ctx ends, and drains.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.prepare(ctx); err != nil {
		return err
	}
	own, err := temporalclient.Over(ctx, w.Temporal, w.settings.common.Temporal, w.Log)
	if err != nil {
		return err
	}
	defer own.Close()
	w.working.Store(&own)
	defer w.working.Store(nil)
	w.Log.Info("working", "task_queue", workflows.QueueDelivery, "namespace", w.settings.common.Temporal.Namespace)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return worker.Run(ctx, own, w.settings.worker, w.deliver) })
	group.Go(func() error {
		w.settings.worker.Deployment.Announce(ctx, own, w.Log)
		return nil
	})
	if w.maintain != nil {
		group.Go(func() error { return w.maintainTrail(ctx, own) })
	}
	return group.Wait()
}

// migrationLimit leaves time to build an index over years of records, while
// others read and write them. A shorter one would begin it anew for ever.
const migrationLimit = 12 * time.Hour

// prepare waits until both servers are there and have what deliveries need. A
// schema newer than this binary is the one thing that waiting does not cure.
func (w *Worker) prepare(ctx context.Context) error {
	var newer *postgres.NewerSchemaError
	err := temporalclient.Until(ctx, w.Log, "PostgreSQL schema", migrationLimit, func(ctx context.Context) error {
		err := w.store.Migrate(ctx)
		if errors.As(err, &newer) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if newer != nil {
		return fmt.Errorf("migrate: %w", newer)
	}
	return temporalclient.Until(ctx, w.Log, "Temporal search attributes", 30*time.Second, func(ctx context.Context) error {
		return temporalclient.Prepare(ctx, w.Temporal, w.settings.common.Temporal.Namespace, workflows.SearchAttributes())
	})
}
