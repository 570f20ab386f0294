package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/time/rate"
)

// TraceMetrics count what becomes of spans.
type TraceMetrics struct{ exported, dropped, failed prometheus.Counter }

// NewTraceMetrics registers them.
func NewTraceMetrics(r prometheus.Registerer) *TraceMetrics {
	spans := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "auditflow_trace_spans_total",
		Help: "Spans, by what became of them: exported, dropped (more wait than the queue holds: the collector is slow or away), failed (the collector did not take them); all 0 while traces are off",
	}, []string{"outcome"})
	r.MustRegister(spans)
	return &TraceMetrics{spans.WithLabelValues("exported"), spans.WithLabelValues("dropped"), spans.WithLabelValues("failed")}
}

// exporter sends spans, counts them, and says little about those that it could
// not send.
type exporter struct {
	sdktrace.SpanExporter
	count   *TraceMetrics
	log     *slog.Logger
	seldom  rate.Sometimes
	waiting atomic.Int64 // spans in the queue and on their way
	status  *lastStatus
}

func newExporter(ctx context.Context, c TracesConfig, count *TraceMetrics, log *slog.Logger) (*exporter, error) {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("somebody has replaced the default HTTP transport")
	}
	status := &lastStatus{next: transport.Clone()}
	// Each option that has a variable OTEL_EXPORTER_OTLP_* is given, and so outranks it.
	to, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(c.Endpoint),
		otlptracehttp.WithHeaders(c.Headers),
		otlptracehttp.WithEncoding(otlptracehttp.EncodingProtobuf),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: time.Second, MaxInterval: 5 * time.Second, MaxElapsedTime: exportTimeout,
		}),
		otlptracehttp.WithHTTPClient(&http.Client{
			Transport: status, Timeout: exportTimeout,
			// The headers are for the configured address and nobody else's.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}))
	if err != nil {
		return nil, err
	}
	return &exporter{
		SpanExporter: to, count: count, log: log, status: status,
		seldom: rate.Sometimes{First: 1, Interval: 10 * time.Minute},
	}, nil
}

// ExportSpans implements [sdktrace.SpanExporter]. It keeps its errors to itself:
// the library would tell them, with what the collector answered, to a handler of
// the whole process.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	n := len(spans)
	err := e.SpanExporter.ExportSpans(ctx, spans)
	e.waiting.Add(int64(-n))
	if err == nil {
		e.count.exported.Add(float64(n))
		return nil
	}
	e.count.failed.Add(float64(n))
	e.seldom.Do(func() {
		e.log.WarnContext(ctx, "spans are lost: the collector did not take them", "spans", n, "reason", e.reason(err))
	})
	return nil
}

// reason is in words of ours or of this process's network, never the collector's.
func (e *exporter) reason(err error) string {
	var unreachable *url.Error // quotes the address, and has a cause that does not
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &unreachable) && unreachable.Timeout():
		return "no answer in time"
	case unreachable != nil:
		return unreachable.Err.Error()
	}
	if code := int(e.status.code.Load()); code != 0 {
		return fmt.Sprintf("it answers %d %s", code, http.StatusText(code))
	}
	return fmt.Sprintf("an error of type %T", err)
}

// bounded is the way into the queue. It counts what does not go in any more,
// which the library's own queue does not tell.
type bounded struct {
	sdktrace.SpanProcessor
	exporter *exporter
}

// OnEnd implements [sdktrace.SpanProcessor]. It never waits.
func (b bounded) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if b.exporter.waiting.Add(1) > queueSpans {
		b.exporter.waiting.Add(-1)
		b.exporter.count.dropped.Inc()
		return
	}
	b.SpanProcessor.OnEnd(s)
}

// lastStatus remembers how the collector answered last; 0: not at all.
type lastStatus struct {
	next http.RoundTripper
	code atomic.Int32
}

func (l *lastStatus) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.next.RoundTrip(r)
	l.code.Store(0)
	if err == nil {
		l.code.Store(int32(answer.StatusCode)) //nolint:gosec // three digits
	}
	return answer, err
}
