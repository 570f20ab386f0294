package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/cmd/internal/secrecy"
	"github.com/auditflow/auditflow/internal/daemon"
	"github.com/auditflow/auditflow/internal/telemetry"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

var program = daemon.Program[settings]{
	Name: "worker", Short: "redact and persist audit records", Long: help,
	Load:   load,
	Common: func(s settings) daemon.Common { return s.common },
	Run:    run,
}

func run(ctx context.Context, s settings, log *slog.Logger) error {
	sealer, redactor, err := secrecy.Open(s.common, log)
	if err != nil {
		return err
	}
	defer sealer.Close()
	store, err := postgres.Open(ctx, s.database)
	if err != nil {
		return err
	}
	defer store.Close()
	temporal, err := temporalclient.Dial(s.common.Temporal, log)
	if err != nil {
		return err
	}
	defer temporal.Close()

	registry := telemetry.Registry()
	registry.MustRegister(activities.NewQuarantineGauge(store))
	deliver := &activities.Deliver{
		Sealer: sealer, Redactor: redactor, Store: store,
		ErrorClass: postgres.Class, Metrics: activities.NewMetrics(registry),
	}
	maintain, closeMaintenance, err := openMaintenance(ctx, s, temporal, registry)
	if err != nil {
		return err
	}
	defer closeMaintenance()
	var working atomic.Bool
	ready := func(ctx context.Context) error {
		if !working.Load() {
			return errors.New("not working yet: waiting for PostgreSQL or Temporal, see the log")
		}
		return errors.Join(store.Ping(ctx), temporalclient.Check(ctx, temporal, s.common.Temporal.Namespace))
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return telemetry.Serve(ctx, s.common.Listen, registry, ready) })
	group.Go(func() error {
		if err := prepare(ctx, store, temporal, s.common.Temporal.Namespace, log); err != nil {
			return err
		}
		working.Store(true)
		defer working.Store(false)
		log.Info("working", "task_queue", workflows.QueueDelivery, "namespace", s.common.Temporal.Namespace)
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return worker.Run(ctx, temporal, s.worker, deliver) })
		if maintain != nil {
			group.Go(func() error { return maintainTrail(ctx, s, temporal, maintain, log) })
		}
		return group.Wait()
	})
	return group.Wait()
}

// migrationLimit leaves time to build an index over years of records, while
// others read and write them. A shorter one would begin it anew for ever.
const migrationLimit = 12 * time.Hour

// prepare waits until both servers are there and have what deliveries need. A
// schema newer than this binary is the one thing that waiting does not cure.
func prepare(ctx context.Context, store *postgres.Store, c client.Client, namespace string, log *slog.Logger) error {
	var newer *postgres.NewerSchemaError
	err := temporalclient.Until(ctx, log, "PostgreSQL schema", migrationLimit, func(ctx context.Context) error {
		err := store.Migrate(ctx)
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
	return temporalclient.Until(ctx, log, "Temporal search attributes", 30*time.Second, func(ctx context.Context) error {
		return temporalclient.Prepare(ctx, c, namespace, workflows.SearchAttributes())
	})
}
