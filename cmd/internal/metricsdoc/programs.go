package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/cmd/internal/secrecy"
	"github.com/auditflow/auditflow/cmd/internal/work"
	"github.com/auditflow/auditflow/controller"
	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/internal/build"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/telemetry"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/workflows"
)

// nowhere is an address at which nobody answers, and nobody is asked.
const nowhere = "127.0.0.1:1"

var quiet = slog.New(slog.DiscardHandler)

// recorder is a registry that remembers what was registered: a vector without
// any series yet shows nothing, and there is no other way to know its type.
type recorder struct {
	*prometheus.Registry
	collectors []prometheus.Collector
}

func newRecorder() *recorder { return &recorder{Registry: telemetry.Registry()} }

// Register implements [prometheus.Registerer].
func (r *recorder) Register(c prometheus.Collector) error {
	if err := r.Registry.Register(c); err != nil {
		return err
	}
	r.collectors = append(r.collectors, c)
	return nil
}

// MustRegister implements [prometheus.Registerer].
func (r *recorder) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		if err := r.Register(c); err != nil {
			panic(err)
		}
	}
}

// program is one binary with what it registers.
type program struct {
	name     string
	families []family
}

// all are the programs that serve metrics.
func all(ctx context.Context) (programs []program, err error) {
	for _, p := range []struct {
		name     string
		families func(context.Context) ([]family, error)
	}{{"api", api}, {"controller", kubernetes}, {"worker", worker}} {
		families, err := p.families(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		programs = append(programs, program{p.name, families})
	}
	return programs, nil
}

func api(context.Context) ([]family, error) {
	r := newRecorder()
	sdk(r)
	telemetry.NewTraceMetrics(r)
	build.Metric(r)
	_, err := httpapi.New(httpapi.Config{
		Starter: &workflows.Starter{}, Cluster: "none", Ready: func(context.Context) error { return nil },
		Metrics: http.NotFoundHandler(), Registerer: r, Log: quiet,
		Limits: httpapi.DefaultLimits(),
	})
	if err != nil {
		return nil, err
	}
	return familiesOf(r)
}

func kubernetes(context.Context) ([]family, error) {
	log.SetLogger(logr.Discard())
	scheme, err := controller.Scheme()
	if err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(&rest.Config{Host: nowhere}, ctrl.Options{Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"}})
	if err != nil {
		return nil, fmt.Errorf("make a manager: %w", err)
	}
	r := newRecorder()
	sdk(r)
	telemetry.NewTraceMetrics(r)
	build.Metric(r)
	starter := workflows.NewBatcher(&workflows.Starter{}, workflows.BatchConfig{Registerer: r})
	var watched []controller.Watched
	for _, s := range controller.Sources() {
		watched = append(watched, controller.Watched{Source: s})
	}
	if err := controller.Setup(mgr, controller.Config{}, watched, starter, r); err != nil {
		return nil, err
	}
	own, err := familiesOf(r)
	if err != nil {
		return nil, err
	}
	theirs, err := described(metrics.Registry)
	return append(own, theirs...), err
}

func worker(ctx context.Context) (families []family, err error) {
	dir, err := os.MkdirTemp("", "metricsdoc")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	settings, err := workerSettings(dir)
	if err != nil {
		return nil, err
	}
	common := settings.Common()
	sealer, redactor, err := secrecy.Open(common, quiet)
	if err != nil {
		return nil, err
	}
	defer sealer.Close()
	r := newRecorder()
	common.Temporal.Metrics = sdk(r)
	telemetry.NewTraceMetrics(r)
	build.Metric(r)
	temporal, err := temporalclient.Dial(common.Temporal, quiet)
	if err != nil {
		return nil, err
	}
	defer temporal.Close()
	w, err := work.Open(ctx, settings, work.Means{
		Temporal: temporal, Metrics: common.Temporal.Metrics, Sealer: sealer, Redactor: redactor, Registry: r, Log: quiet,
	})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	return familiesOf(r)
}

// workerSettings are those of a worker that does everything a worker can do. The
// directory holds its files.
func workerSettings(dir string) (s work.Settings, err error) {
	keyset, path := filepath.Join(dir, "keyset.json"), filepath.Join(dir, "worker.yaml")
	file, err := os.Create(keyset)
	if err != nil {
		return s, err
	}
	text := fmt.Sprintf("keyset_file: %s\ntemporal: {address: %q}\ndatabase: {url: 'postgres://%s/none'}\n", keyset, nowhere, nowhere)
	if err := errors.Join(seal.Generate(file), file.Close(), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		return s, err
	}
	return work.Load(path, &config.Reader{Env: func(string) (string, bool) { return "", false }})
}
