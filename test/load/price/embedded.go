package price

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/worker"
)

// RunEmbedded is starter and worker in one process, as the controller with
// --embedded-worker has them: starts are eager. serve carries out orders; when it
// returns the worker drains.
func RunEmbedded(ctx context.Context, p Place, serve func(context.Context, *Starter) error) error {
	s, err := NewStarter(p)
	if err != nil {
		return err
	}
	defer s.Close()
	store, err := postgres.Open(ctx, postgres.Config{URL: p.DatabaseURL})
	if err != nil {
		return err
	}
	defer store.Close()
	// A client that knows from the beginning what the server can do: see Over.
	own, err := temporalclient.Over(ctx, s.client, temporalclient.Config{Namespace: p.Namespace, Identity: "bench-embedded"}, quiet())
	if err != nil {
		return err
	}
	defer own.Close()
	s.starter.Eager = func() client.Client { return own }
	deliver := &activities.Deliver{
		Sealer: s.sealer, Redactor: s.redactor, Store: store,
		ErrorClass: postgres.Class, Metrics: activities.NewMetrics(prometheus.NewRegistry()),
	}
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return worker.Run(working, own, worker.Config{}, deliver) })
	group.Go(func() error {
		defer stop()
		return serve(ctx, s)
	})
	return group.Wait()
}
