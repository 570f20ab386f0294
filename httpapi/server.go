package httpapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Server listens. Zero is no default: all fields but TLS are required.
type Server struct {
	Address string // host:port
	Handler http.Handler
	// TLS, when set, is what it speaks.
	TLS *tls.Config
	// HeaderTimeout bounds how long the header of a request may take, ReadTimeout
	// header and body, AnswerTimeout reading and answering, IdleTimeout how long
	// a connection may be silent, DrainTimeout what requests in hand get after a stop.
	HeaderTimeout, ReadTimeout, AnswerTimeout, IdleTimeout, DrainTimeout time.Duration
	Log                                                                  *slog.Logger
}

// maxHeader bounds the header of a request in bytes; net/http adds 4 KiB.
const maxHeader = 16 << 10

// Run serves until ctx ends, then takes no new requests, answers those in hand
// and returns. Listening, when set, is told the address once it is open.
func (s Server) Run(ctx context.Context, listening func(net.Addr)) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if listening != nil {
		listening(listener.Addr())
	}
	if s.TLS != nil {
		listener = tls.NewListener(listener, s.TLS)
	}
	server := &http.Server{
		Handler: s.Handler, MaxHeaderBytes: maxHeader,
		ReadHeaderTimeout: s.HeaderTimeout, ReadTimeout: s.ReadTimeout, WriteTimeout: s.AnswerTimeout, IdleTimeout: s.IdleTimeout,
		// What net/http has to say of clients is about their handshakes and their
		// protocol, and sometimes quotes them.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	drained := make(chan struct{})
	cancelDrain := context.AfterFunc(ctx, func() {
		defer close(drained)
		s.drain(context.WithoutCancel(ctx), server)
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		cancelDrain()
		return fmt.Errorf("serve %s: %w", s.Address, err)
	}
	<-drained // Serve returns at once; requests in hand get their answers first
	return nil
}

func (s Server) drain(ctx context.Context, server *http.Server) {
	ctx, cancel := context.WithTimeout(ctx, s.DrainTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		s.Log.Warn("requests in hand were cut off", "after", s.DrainTimeout.String())
		_ = server.Close() // what it says is that connections were open
	}
}
