package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"

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

// openMaintenance prepares the hands of maintenance; nil when this worker does
// none. It has a pool of its own, as another login and so that deliveries never
// wait for a connection that reads a whole partition.
func openMaintenance(ctx context.Context, s settings, c client.Client, registry *prometheus.Registry) (*activities.Maintain, func(), error) {
	if !s.maintenance.enabled {
		return nil, func() {}, nil
	}
	store, err := postgres.Open(ctx, s.maintenance.database)
	if err != nil {
		return nil, nil, err
	}
	m := &activities.Maintain{
		Partitions: store, Deliveries: worker.NewDeliveries(c), ErrorClass: errorClass,
		Metrics: activities.NewMaintenanceMetrics(registry, workflows.Tasks()...),
	}
	registry.MustRegister(activities.NewTrailGauges(store))
	if s.maintenance.archive.URL == "" {
		return m, store.Close, nil
	}
	bucket, err := archive.Open(ctx, s.maintenance.archive)
	if err != nil {
		store.Close()
		return nil, nil, err
	}
	m.Archive = bucket
	return m, func() { _ = bucket.Close(); store.Close() }, nil
}

// maintainTrail runs maintenance until ctx ends.
func maintainTrail(ctx context.Context, s settings, c client.Client, m *activities.Maintain, log *slog.Logger) error {
	if m.Archive == nil {
		log.Warn("nothing will be archived or deleted", "reason", activities.NoBucket)
	}
	log.Info("working", "task_queue", workflows.QueueMaintenance, "namespace", s.common.Temporal.Namespace)
	return worker.RunMaintenance(ctx, c, worker.MaintenanceConfig{
		Schedules: s.maintenance.plan.Schedules(), DrainTimeout: s.worker.DrainTimeout,
	}, m, log)
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
