// Package work is the worker: what its configuration says, and the stores and
// tasks that follow from it. It runs as a program of its own (cmd/worker) or
// inside the controller (cmd/controller --embedded-worker), which is the one way
// in which that gets to a database.
package work

import (
	"context"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/auditflow/auditflow/cmd/internal/secrecy"
	"github.com/auditflow/auditflow/internal/build"
	"github.com/auditflow/auditflow/internal/daemon"
	"github.com/auditflow/auditflow/internal/telemetry"
	"github.com/auditflow/auditflow/internal/temporalclient"
)

// Program is the worker as a program of its own.
var Program = daemon.Program[Settings]{
	Name: "worker", Short: "redact and persist audit records", Long: help,
	Load:   Load,
	Common: Settings.Common,
	Run:    run,
}

func run(ctx context.Context, s Settings, log *slog.Logger) error {
	sealer, redactor, err := secrecy.Open(s.common, log)
	if err != nil {
		return err
	}
	defer sealer.Close()
	registry := telemetry.Registry()
	build.Metric(registry)
	s.common.Temporal.Metrics = temporalclient.Metrics(registry)
	traces, err := telemetry.OpenTraces(ctx, s.common.Traces, telemetry.NewTraceMetrics(registry), log)
	if err != nil {
		return err
	}
	defer traces.Close(ctx)
	s.common.Temporal.Traces = traces.Provider()
	temporal, err := temporalclient.Dial(s.common.Temporal, log)
	if err != nil {
		return err
	}
	defer temporal.Close()
	w, err := Open(ctx, s, Means{temporal, s.common.Temporal.Metrics, traces.Provider(), sealer, redactor, registry, log})
	if err != nil {
		return err
	}
	defer w.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return telemetry.Serve(ctx, s.common.Listen, registry, w.Ready) })
	group.Go(func() error { return w.Run(ctx) })
	return group.Wait()
}
