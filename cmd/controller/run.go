package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/auditflow/auditflow/cmd/internal/secrecy"
	"github.com/auditflow/auditflow/cmd/internal/work"
	"github.com/auditflow/auditflow/controller"
	"github.com/auditflow/auditflow/internal/build"
	"github.com/auditflow/auditflow/internal/daemon"
	"github.com/auditflow/auditflow/internal/telemetry"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/workflows"
)

var program = daemon.Program[settings]{
	Name: "controller", Short: "hand completed executions and Jobs over to Temporal", Long: help,
	Load:   load,
	Flags:  map[string]string{flagEmbedded: "run a worker in this process, with this configuration (YAML)"},
	Common: func(s settings) daemon.Common { return s.common },
	Run:    run,

	Commands: []func() *cobra.Command{releaseCommand},
}

// gcPercent trades processor time for memory: most of what is in memory are the
// marks of all objects there are, and garbage is made of all of them when they
// are listed at the start. docs/performance.md has the figures.
const gcPercent = 25

func run(ctx context.Context, s settings, logger *slog.Logger) error {
	if before := debug.SetGCPercent(gcPercent); before != 100 {
		debug.SetGCPercent(before) // whoever sets GOGC knows better
	}
	log.SetLogger(logr.FromSlogHandler(logger.Handler()))
	klog.SetSlogLogger(logger)
	sealer, redactor, err := secrecy.Open(s.common, logger)
	if err != nil {
		return err
	}
	defer sealer.Close()
	registry := prometheus.NewRegistry() // controller-runtime's own, served beside it, has those of the Go process
	build.Metric(registry)
	s.common.Temporal.Metrics = temporalclient.Metrics(registry)
	traces, err := telemetry.OpenTraces(ctx, s.common.Traces, telemetry.NewTraceMetrics(registry), logger)
	if err != nil {
		return err
	}
	defer traces.Close(ctx)
	s.common.Temporal.Traces, s.controller.Traces = traces.Provider(), traces.Provider()
	temporal, err := temporalclient.Dial(s.common.Temporal, logger)
	if err != nil {
		return err
	}
	defer temporal.Close()
	mgr, err := newManager(s)
	if err != nil {
		return err
	}
	var synced atomic.Bool
	if err := mgr.Add(onceSynced(mgr, &synced)); err != nil {
		return fmt.Errorf("watch the cache: %w", err)
	}
	worker, err := openEmbedded(ctx, s.embedded, work.Means{Temporal: temporal, Metrics: s.common.Temporal.Metrics, Traces: traces.Provider(), Sealer: sealer, Redactor: redactor, Registry: registry, Log: logger})
	if err != nil {
		return err
	}
	defer worker.Close()
	if s.enabled {
		starter := &workflows.Starter{Client: temporal, Sealer: sealer, Redactor: redactor, Eager: worker.client()}
		s.batch.Registerer = registry
		err = controller.Setup(mgr, s.controller, s.sources, workflows.NewBatcher(starter, s.batch), registry)
	} else {
		logger.Warn("audit_enabled is false: nothing is recorded, and what is held is let go")
		err = controller.SetupDisabled(mgr, s.sources)
	}
	if err != nil {
		return err
	}

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return telemetry.Serve(ctx, s.common.Listen, prometheus.Gatherers{registry, metrics.Registry}, func(ctx context.Context) error {
			if !synced.Load() {
				return errors.New("the cache is not in sync with the API server yet")
			}
			return worker.Ready(ctx) // without one, Temporal's absence is no reason to be restarted: it is in the metrics
		})
	})
	group.Go(func() error { return worker.around(ctx, mgr.Start) })
	group.Go(func() error {
		return temporalclient.Until(ctx, logger, "Temporal search attributes", 30*time.Second, func(ctx context.Context) error {
			return temporalclient.Prepare(ctx, temporal, s.common.Temporal.Namespace, workflows.SearchAttributes())
		})
	})
	return group.Wait()
}

// drain is what deliveries in hand get to finish after a stop; they would be
// found again anyhow.
const drain = 10 * time.Second

func newManager(s settings) (manager.Manager, error) {
	rest, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	// Priority and fairness on the server bounds us better than a client-side
	// limit, which would delay marks by seconds after a backlog.
	rest.QPS = -1
	scheme, err := controller.Scheme()
	if err != nil {
		return nil, err
	}
	wait := drain
	mgr, err := ctrl.NewManager(rest, ctrl.Options{
		Scheme: scheme, Cache: controller.Cache(s.sources),
		Metrics:        metricsserver.Options{BindAddress: "0"}, // served with our own
		LeaderElection: s.leaderElection, LeaderElectionID: leaseName,
		LeaderElectionNamespace:       s.leaderElectionNamespace,
		LeaderElectionReleaseOnCancel: true,
		GracefulShutdownTimeout:       &wait,
	})
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return mgr, nil
}

// onceSynced notes when the cache is filled, on every replica.
func onceSynced(mgr manager.Manager, synced *atomic.Bool) manager.Runnable {
	return everywhere(func(ctx context.Context) error {
		synced.Store(mgr.GetCache().WaitForCacheSync(ctx))
		return nil
	})
}

// everywhere is a runnable that does not wait for leadership.
type everywhere func(context.Context) error

func (f everywhere) Start(ctx context.Context) error { return f(ctx) }
func (everywhere) NeedLeaderElection() bool          { return false }
