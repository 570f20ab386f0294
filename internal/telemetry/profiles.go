package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
)

// Profiles answers /debug/pprof/ on address until ctx ends, beside everything
// else and on a port of its own: profiles tell how a process works, and cost it
// time, so they are not for whoever may read metrics. It returns once it listens.
func Profiles(ctx context.Context, address string, log *slog.Logger) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for profiles: %w", err)
	}
	log.Info("profiles are served", "address", listener.Addr().String(), "path", "/debug/pprof/")
	go func() {
		if err := serve(ctx, listener, mux); err != nil {
			log.Error("profiles are served no more", "error", err)
		}
	}()
	return nil
}
