package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// TracesConfig says where the spans of this process go. The zero value is
// nowhere: then there are none.
type TracesConfig struct {
	// Endpoint is the URL of an OTLP/HTTP collector, path included: http is without
	// TLS, https with it, as the system's certificates vouch. Empty: no traces.
	Endpoint string
	// SampleRatio is the part of the traces beginning here that is kept, 0 to 1.
	// What began elsewhere is kept if it is kept there.
	SampleRatio float64
	// Headers go with each request, for whoever guards the collector.
	Headers map[string]string
	// Service names the program in its spans, Instance this process of it, and
	// Version what it was built from.
	Service, Instance, Version string
}

// String tells of the headers only how many there are: they hold secrets. It is
// also what GoString and LogValue tell.
func (c TracesConfig) String() string {
	return fmt.Sprintf("{Endpoint:%s SampleRatio:%g Headers:(%d, masked) Service:%s}", c.Endpoint, c.SampleRatio, len(c.Headers), c.Service)
}

// GoString is for the verb %#v.
func (c TracesConfig) GoString() string { return "telemetry.TracesConfig" + c.String() }

// LogValue is for package slog.
func (c TracesConfig) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Bounds of what traces may cost. None of them can be set from outside: the
// variables OTEL_BSP_*, OTEL_SPAN_* and the like change nothing.
const (
	queueSpans    = 4096             // that wait to be exported or are on their way; about 2 KiB each
	exportSpans   = 512              // in one request
	exportEvery   = time.Second      // or sooner, when there are enough for one request
	exportTimeout = 10 * time.Second // for one request and its repetitions
	closeTimeout  = 3 * time.Second  // for what is left when the process ends
	spanLinks     = 256              // more than a batch has records
)

// Traces makes spans and sends them away in the background. nil is valid and
// makes none.
type Traces struct {
	provider *sdktrace.TracerProvider
}

// OpenTraces prepares the export and connects to nothing yet; it is nil where no
// endpoint is configured. A collector that is slow or away costs spans, which are
// counted, and nothing else: nobody waits for it.
func OpenTraces(ctx context.Context, c TracesConfig, count *TraceMetrics, log *slog.Logger) (*Traces, error) {
	if c.Endpoint == "" {
		return nil, nil //nolint:nilnil // a nil *Traces makes no spans
	}
	// The library tells faults of environment variables, with their values, to a
	// logger of the whole process, though we use none of them.
	otel.SetLogger(logr.Discard())
	exporter, err := newExporter(ctx, c, count, log)
	if err != nil {
		return nil, fmt.Errorf("open traces: %w", err)
	}
	batches := sdktrace.NewBatchSpanProcessor(exporter, sdktrace.WithMaxQueueSize(queueSpans), sdktrace.WithMaxExportBatchSize(exportSpans),
		sdktrace.WithBatchTimeout(exportEvery), sdktrace.WithExportTimeout(exportTimeout))
	return &Traces{sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(bounded{batches, exporter}),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(c.SampleRatio))),
		sdktrace.WithResource(resource.NewSchemaless( // OTEL_RESOURCE_ATTRIBUTES adds to it and outranks nothing
			semconv.ServiceName(c.Service), semconv.ServiceInstanceID(c.Instance), semconv.ServiceVersion(c.Version))),
		sdktrace.WithRawSpanLimits(limits()),
		sdktrace.WithoutPanicRecording(), // the value of a panic may be content
	)}, nil
}

func limits() sdktrace.SpanLimits {
	return sdktrace.SpanLimits{
		AttributeValueLengthLimit: 1024, AttributeValueDepthLimit: sdktrace.DefaultAttributeValueDepthLimit, AttributeCountLimit: 32,
		EventCountLimit: 32, AttributePerEventCountLimit: 8, LinkCountLimit: spanLinks, AttributePerLinkCountLimit: 8,
	}
}

// Provider makes tracers; nil where there are no traces.
func (t *Traces) Provider() trace.TracerProvider {
	if t == nil {
		return nil
	}
	return t.provider
}

// Close sends what is left, for no longer than some seconds, though ctx may have
// ended.
func (t *Traces) Close(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // what was not sent is lost, as is told in docs/traces.md
}
