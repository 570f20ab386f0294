package temporalclient

import (
	"context"
	"log/slog"

	sdklog "go.temporal.io/sdk/log"
)

// logger is what the SDK writes to.
func logger(log *slog.Logger) sdklog.Logger {
	return sdklog.NewStructuredLogger(slog.New(calm{log.Handler()}))
}

// attemptFailed is what the SDK says, as an error, of each attempt of an activity
// that failed. All of ours are tried again: while PostgreSQL is away nothing is
// wrong with the worker, and nobody has to act on one of a thousand lines.
const attemptFailed = "Activity error."

// calm lowers the level of what is tried again.
type calm struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h calm) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == attemptFailed && r.Level == slog.LevelError {
		r.Level = slog.LevelWarn
		if !h.Enabled(ctx, r.Level) {
			return nil
		}
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h calm) WithAttrs(attrs []slog.Attr) slog.Handler { return calm{h.Handler.WithAttrs(attrs)} }

// WithGroup implements [slog.Handler].
func (h calm) WithGroup(name string) slog.Handler { return calm{h.Handler.WithGroup(name)} }
