package telemetry_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/auditflow/auditflow/internal/telemetry"
	"github.com/auditflow/auditflow/test/otlp"
)

func collector(t *testing.T) *otlp.Collector {
	t.Helper()
	c, err := otlp.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// traces exports to an endpoint. what tells how many spans had an outcome.
func traces(t *testing.T, c telemetry.TracesConfig, log io.Writer) (opened *telemetry.Traces, what func(outcome string) int) {
	t.Helper()
	registry := prometheus.NewRegistry()
	opened, err := telemetry.OpenTraces(t.Context(), c, telemetry.NewTraceMetrics(registry), telemetry.Logger(log, "json", "info"))
	if err != nil {
		t.Fatal(err)
	}
	return opened, func(outcome string) int {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range families[0].GetMetric() {
			if m.GetLabel()[0].GetValue() == outcome {
				return int(m.GetCounter().GetValue())
			}
		}
		t.Fatalf("no outcome %s", outcome)
		return 0
	}
}

func span(from *telemetry.Traces, ctx context.Context, name string) {
	_, s := from.Provider().Tracer("test").Start(ctx, name)
	s.End()
}

func TestWithoutAnEndpointThereAreNoTraces(t *testing.T) {
	t.Parallel()
	off, _ := traces(t, telemetry.TracesConfig{SampleRatio: 1}, io.Discard)
	if off != nil || off.Provider() != nil {
		t.Errorf("%v, %v: whoever asks for nil would take it for a provider", off, off.Provider())
	}
	off.Close(t.Context())
}

// Not parallel: it sets the variables that everybody else's programs go by.
func TestOnlyTheConfigurationSaysWhereSpansGoAndHowMany(t *testing.T) {
	elsewhere := collector(t)
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": elsewhere.URL, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": elsewhere.URL + "/v1/traces",
		"OTEL_EXPORTER_OTLP_HEADERS": "x-of-others=1", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
		"OTEL_TRACES_SAMPLER": "always_off", "OTEL_SERVICE_NAME": "else", "OTEL_SPAN_LINK_COUNT_LIMIT": "0", "OTEL_BSP_MAX_QUEUE_SIZE": "1",
		"OTEL_RESOURCE_ATTRIBUTES": "service.name=else,k8s.pod.name=pod-1",
	} {
		t.Setenv(name, value)
	}
	to := collector(t)
	on, what := traces(t, telemetry.TracesConfig{
		Endpoint: to.URL + "/v1/traces", SampleRatio: 1, Service: "auditflow-test", Headers: map[string]string{"Authorization": "Bearer of-ours"},
	}, io.Discard)
	for i := range 3 {
		span(on, t.Context(), fmt.Sprint("span ", i))
	}
	on.Close(t.Context())
	if n := len(to.Spans()); n != 3 || what("exported") != 3 || len(elsewhere.Spans()) != 0 {
		t.Fatalf("%d spans came, %d elsewhere; %d are counted", n, len(elsewhere.Spans()), what("exported"))
	}
	if s := to.Spans()[0]; s.Service != "auditflow-test" {
		t.Errorf("service %s", s.Service)
	}
	if h := to.Headers()[0]; h.Get("Authorization") != "Bearer of-ours" || h.Get("X-Of-Others") != "" || h.Get("Content-Encoding") != "gzip" {
		t.Errorf("headers %v", h)
	}
	if !strings.Contains(string(to.Bodies()), "pod-1") {
		t.Error("OTEL_RESOURCE_ATTRIBUTES, which says where the process runs, is not there")
	}
}

func TestTheRatioIsForTracesThatBeginHere(t *testing.T) {
	t.Parallel()
	to := collector(t)
	none, _ := traces(t, telemetry.TracesConfig{Endpoint: to.URL + "/v1/traces", SampleRatio: 0}, io.Discard)
	span(none, t.Context(), "begins here")
	for kept, flags := range map[string]trace.TraceFlags{"kept elsewhere": trace.FlagsSampled, "not kept elsewhere": 0} {
		parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: flags, Remote: true})
		span(none, trace.ContextWithRemoteSpanContext(t.Context(), parent), kept)
	}
	none.Close(t.Context())
	if came := to.Spans(); len(came) != 1 || came[0].Name != "kept elsewhere" {
		t.Errorf("%+v", came)
	}
}

func TestACollectorThatHangsCostsSpansAndNobodysTime(t *testing.T) {
	t.Parallel()
	to := collector(t)
	release := make(chan struct{})
	defer close(release)
	to.Answer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	on, what := traces(t, telemetry.TracesConfig{Endpoint: to.URL + "/v1/traces", SampleRatio: 1}, io.Discard)
	const many = 20_000
	began := time.Now()
	for range many {
		span(on, t.Context(), "not taken")
	}
	took := time.Since(began)
	if dropped := what("dropped"); dropped < many/2 || took > 5*time.Second {
		t.Errorf("%d of %d dropped; it took %s to make them", dropped, many, took)
	}
	began = time.Now()
	on.Close(t.Context())
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("the process would have ended only after %s", took)
	}
}

func TestWhatTheCollectorRefusesIsCountedAndToldOnceInOurWords(t *testing.T) {
	t.Parallel()
	const theirs = "what-they-say"
	to := collector(t)
	to.Answer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, theirs, http.StatusForbidden) }))
	var log lockedBuffer
	on, what := traces(t, telemetry.TracesConfig{Endpoint: to.URL + "/v1/traces", SampleRatio: 1}, &log)
	for range 1200 { // more than two requests
		span(on, t.Context(), "refused")
	}
	on.Close(t.Context())
	text := log.String()
	if what("failed") != 1200 || strings.Count(text, "\n") != 1 || !strings.Contains(text, "it answers 403 Forbidden") || strings.Contains(text, theirs) {
		t.Errorf("%d failed; log: %s", what("failed"), text)
	}
}

func TestACollectorThatIsAwayIsToldWithWhatTheNetworkSays(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	on, what := traces(t, telemetry.TracesConfig{Endpoint: "http://" + free(t) + "/v1/traces", SampleRatio: 1}, &log)
	span(on, t.Context(), "lost")
	on.Close(t.Context())
	if what("failed") != 1 || !strings.Contains(log.String(), "connection refused") {
		t.Errorf("%d failed; log: %s", what("failed"), log.String())
	}
}

func TestThePanicOfASpansOwnerIsNotInIt(t *testing.T) {
	t.Parallel()
	to := collector(t)
	on, _ := traces(t, telemetry.TracesConfig{Endpoint: to.URL + "/v1/traces", SampleRatio: 1}, io.Discard)
	func() {
		defer func() { _ = recover() }()
		_, s := on.Provider().Tracer("test").Start(t.Context(), "panics")
		defer s.End()
		panic("content-of-a-record")
	}()
	on.Close(t.Context())
	if came := to.Spans(); len(came) != 1 || came[0].Events != 0 || strings.Contains(string(to.Bodies()), "content-of-a-record") {
		t.Errorf("%+v", came)
	}
}

func TestALineOfTheLogTellsTheTraceOfItsContext(t *testing.T) {
	t.Parallel()
	at := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{0xab}, SpanID: trace.SpanID{0xcd}})
	ctx := trace.ContextWithSpanContext(t.Context(), at)
	for format, want := range map[string]string{
		"json": `"trace_id":"ab000000000000000000000000000000","span_id":"cd00000000000000"`,
		"text": "trace_id=ab000000000000000000000000000000 span_id=cd00000000000000",
	} {
		var out strings.Builder
		log := telemetry.Logger(&out, format, "info").With("program", "x")
		log.Log(ctx, slog.LevelInfo, "with one")
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q has no %q", out.String(), want)
		}
		out.Reset()
		log.InfoContext(t.Context(), "without one")
		if strings.Contains(out.String(), telemetry.KeyTrace) {
			t.Errorf("%q", out.String())
		}
	}
}

func TestHeadersAreNotPrinted(t *testing.T) {
	t.Parallel()
	c := telemetry.TracesConfig{Endpoint: "http://x", Headers: map[string]string{"Authorization": "of-ours"}}
	if text := fmt.Sprintf("%v %+v %#v %s %v", c, c, c, c, c.LogValue()); strings.Contains(text, "of-ours") {
		t.Error(text)
	}
}

// BenchmarkSpan is what one span costs whoever makes it: where its trace is not
// kept, and where it is, with a collector that takes it.
func BenchmarkSpan(b *testing.B) {
	to, err := otlp.Start(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(to.Close)
	for name, ratio := range map[string]float64{"not kept": 0, "kept": 1} {
		b.Run(name, func(b *testing.B) {
			on, err := telemetry.OpenTraces(b.Context(), telemetry.TracesConfig{Endpoint: to.URL + "/v1/traces", SampleRatio: ratio},
				telemetry.NewTraceMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { on.Close(context.Background()) })
			b.ReportAllocs()
			for b.Loop() {
				span(on, b.Context(), "one")
			}
		})
	}
}
