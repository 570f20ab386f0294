package work

import (
	"context"
	"errors"

	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/store/archive"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

// The stores do what maintenance needs of them.
var (
	_ activities.Partitions = (*postgres.Store)(nil)
	_ activities.Trail      = (*postgres.Store)(nil)
	_ activities.Archive    = (*archive.Archive)(nil)
)

// openMaintenance prepares the hands of maintenance, if this worker does any. It
// has a pool of its own, as another login and so that deliveries never wait for a
// connection that reads a whole partition.
func (w *Worker) openMaintenance(ctx context.Context) error {
	if !w.settings.maintenance.enabled {
		return nil
	}
	store, err := postgres.Open(ctx, w.settings.maintenance.database)
	if err != nil {
		return err
	}
	w.closers = append(w.closers, store.Close)
	m := &activities.Maintain{
		Partitions: store, Deliveries: worker.NewDeliveries(w.Temporal), ErrorClass: errorClass,
		Metrics: activities.NewMaintenanceMetrics(w.Registry, workflows.Tasks()...),
	}
	plan := w.settings.maintenance.plan
	w.schedules = worker.NewScheduleGauges(w.Registry)
	w.Registry.MustRegister(activities.NewTrailGauges(store, plan.Create, plan.Retention.Retention()))
	if w.settings.maintenance.archive.URL != "" {
		bucket, err := archive.Open(ctx, w.settings.maintenance.archive)
		if err != nil {
			return err
		}
		w.closers = append(w.closers, func() { _ = bucket.Close() })
		m.Archive = bucket
	}
	w.maintain = m
	return nil
}

// maintainTrail runs maintenance until ctx ends.
func (w *Worker) maintainTrail(ctx context.Context, own client.Client) error {
	if w.maintain.Archive == nil {
		w.Log.Warn("nothing will be archived or deleted", "reason", activities.NoBucket)
	}
	w.Log.Info("working", "task_queue", workflows.QueueMaintenance, "namespace", w.settings.common.Temporal.Namespace)
	schedules := w.settings.maintenance.plan.Schedules()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		w.schedules.Watch(ctx, own, w.settings.common.Temporal.Namespace, schedules, w.Log)
		return nil
	})
	group.Go(func() error {
		return worker.RunMaintenance(ctx, own, worker.MaintenanceConfig{
			Schedules: schedules, DrainTimeout: w.settings.worker.DrainTimeout, Deployment: w.settings.worker.Deployment,
		}, w.maintain, w.Log)
	})
	return group.Wait()
}

// errorClass names the errors of both stores.
func errorClass(err error) string {
	var refused *postgres.RefusedError
	var database *postgres.Error
	switch {
	case errors.As(err, &refused):
		return activities.TypeRefused
	case errors.As(err, &database):
		return postgres.Class(err)
	}
	return archive.Class(err)
}
