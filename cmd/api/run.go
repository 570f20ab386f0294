package main

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/auditflow/auditflow/cmd/internal/secrecy"
	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/internal/build"
	"github.com/auditflow/auditflow/internal/daemon"
	"github.com/auditflow/auditflow/internal/telemetry"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/workflows"
)

var program = daemon.Program[settings]{
	Name: "api", Short: "take audit records over HTTP and hand them over to Temporal", Long: help,
	Load:   load,
	Common: func(s settings) daemon.Common { return s.common },
	Run:    run,
}

func run(ctx context.Context, s settings, log *slog.Logger) error {
	boundMemory(s.limits)
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
	access, speaks, err := s.auth.open(log)
	if err != nil {
		return err
	}
	reader, closeReader, err := openReader(ctx, s.database)
	if err != nil {
		return err
	}
	defer closeReader()
	pages, err := s.console.open(s, reader, access, log)
	if err != nil {
		return err
	}
	var prepared atomic.Bool
	handler, err := httpapi.New(httpapi.Config{
		Starter: &workflows.Starter{Client: temporal, Sealer: sealer, Redactor: redactor},
		Batch:   s.batch,
		Cluster: s.cluster, Limits: s.limits, Access: access, Reader: reader, Pages: pages,
		Ready: func(ctx context.Context) error {
			if !prepared.Load() {
				return errors.New("waiting for Temporal, see the log")
			}
			return temporalclient.Check(ctx, temporal, s.common.Temporal.Namespace)
		},
		Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), Registerer: registry, Log: log,
		Traces: traces.Provider(),
	})
	if err != nil {
		return err
	}
	server := httpapi.Server{
		Address: s.common.Listen, Handler: handler, TLS: speaks, Log: log,
		HeaderTimeout: s.timeouts.header, ReadTimeout: s.timeouts.read, IdleTimeout: s.timeouts.idle, DrainTimeout: s.timeouts.drain,
		AnswerTimeout: s.timeouts.read + s.limits.WaitTimeout + batchTime,
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Run(ctx, nil) })
	group.Go(func() error {
		err := temporalclient.Until(ctx, log, "Temporal search attributes", 30*time.Second, func(ctx context.Context) error {
			return temporalclient.Prepare(ctx, temporal, s.common.Temporal.Namespace, workflows.SearchAttributes())
		})
		prepared.Store(err == nil)
		return err
	})
	return group.Wait()
}

// batchTime is for the starts of a batch, once it is read.
const batchTime = time.Minute
