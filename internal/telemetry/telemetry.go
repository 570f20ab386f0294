// Package telemetry is how a binary is watched: structured logs, one HTTP address
// with /healthz, /readyz and /metrics, and traces for those who want them.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Logger writes structured logs: json (default) or text, from level up. A line
// that is written with the context of a span tells its trace.
func Logger(w io.Writer, format, level string) *slog.Logger {
	var threshold slog.Level
	if err := threshold.UnmarshalText([]byte(level)); err != nil {
		threshold = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: threshold}
	if format == "text" {
		return slog.New(traced{slog.NewTextHandler(w, options)})
	}
	return slog.New(traced{slog.NewJSONHandler(w, options)})
}

// Registry is a registry with the metrics every Go process has.
func Registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Ready says why a process is not ready; nil when it is.
type Ready func(ctx context.Context) error

// Serve answers on address until ctx ends: /healthz while the process lives,
// /readyz as ready says, /metrics from the gatherer.
func Serve(ctx context.Context, address string, g prometheus.Gatherer, ready Ready) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, req *http.Request) {
		if err := ready(req.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(g, promhttp.HandlerOpts{}))

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return serve(ctx, listener, mux)
}

// serve answers until ctx ends.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	drained := make(chan struct{})
	cancelDrain := context.AfterFunc(ctx, func() {
		defer close(drained)
		shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if server.Shutdown(shutdown) != nil {
			server.Close() //nolint:gosec // the process is ending and a scrape did not
		}
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		cancelDrain()
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	}
	<-drained // Serve returns at once; requests in hand get their answers first
	return nil
}
