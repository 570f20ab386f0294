package httpapi_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/auditflow/auditflow/httpapi"
)

const (
	toldTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	told      = "00-" + toldTrace + "-00f067aa0ba902b7-01"
)

// tracedDoor keeps no trace that begins here. With tokens it takes one, else
// everybody.
func tracedDoor(t *testing.T, sampler sdktrace.Sampler, token string, more ...option) (*door, *tracetest.SpanRecorder) {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder), sdktrace.WithSampler(sdktrace.ParentBased(sampler)))
	d := open(t, append(more, func(c *httpapi.Config, _ *httpapi.Server) {
		c.Traces = provider
		if token == "" {
			return
		}
		path := filepath.Join(t.TempDir(), "tokens")
		if err := os.WriteFile(path, []byte("one "+token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		tokens, err := httpapi.OpenTokens(path, quiet)
		if err != nil {
			t.Fatal(err)
		}
		c.Access = httpapi.Access{Tokens: tokens}
	})...)
	return d, recorder
}

// ended are the spans, once there are so many.
func ended(t *testing.T, r *tracetest.SpanRecorder, n int) []sdktrace.ReadOnlySpan {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); len(r.Ended()) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d spans, want %d", len(r.Ended()), n)
		}
	}
	return r.Ended()
}

func texts(s sdktrace.ReadOnlySpan) string {
	var all []string
	for _, a := range s.Attributes() {
		all = append(all, string(a.Key)+"="+a.Value.String())
	}
	return s.Name() + ": " + strings.Join(all, " ")
}

func TestAKnownClientsTraceIsContinuedWithoutItsTraceState(t *testing.T) {
	t.Parallel()
	const token = "a-token-of-many-characters"
	d, recorder := tracedDoor(t, sdktrace.NeverSample(), token)
	d.post(body(t), "Authorization", "Bearer "+token, "traceparent", told, "tracestate", "vendor=anybodys-text", "baggage", "x=anybodys-text").want(t, http.StatusCreated)
	d.post("{", "Authorization", "Bearer "+token, "traceparent", told).want(t, http.StatusBadRequest)
	spans := ended(t, recorder, 2)
	const name = "POST " + httpapi.PathRecords + ": http.request.method=POST http.route=" + httpapi.PathRecords + " http.response.status_code="
	for i, status := range []string{"201", "400"} {
		s := spans[i]
		if texts(s) != name+status || s.SpanKind() != trace.SpanKindServer || s.Status().Code == codes.Error {
			t.Errorf("%s %s %v", s.SpanKind(), texts(s), s.Status())
		}
		if s.SpanContext().TraceID().String() != toldTrace || s.Parent().SpanID().String() != "00f067aa0ba902b7" || s.SpanContext().TraceState().Len() != 0 {
			t.Errorf("%+v, parent %+v", s.SpanContext(), s.Parent())
		}
	}
}

func TestWhoIsNotKnownCannotHaveHisRequestsTraced(t *testing.T) {
	t.Parallel()
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		d, recorder := tracedDoor(t, sdktrace.AlwaysSample(), "a-token-of-many-characters")
		d.post(body(t), "traceparent", told).want(t, http.StatusUnauthorized)
		d.post(body(t), "Authorization", "Bearer a-token-of-others-entirely", "traceparent", told).want(t, http.StatusUnauthorized)
		d.send(http.MethodGet, "/healthz", "", "traceparent", told).want(t, http.StatusOK)
		d.send(http.MethodDelete, httpapi.PathRecords, "", "traceparent", told).want(t, http.StatusMethodNotAllowed)
		if n := len(recorder.Started()); n != 0 {
			t.Errorf("%d spans", n)
		}
	})
	t.Run("let in with everybody", func(t *testing.T) {
		t.Parallel()
		d, recorder := tracedDoor(t, sdktrace.NeverSample(), "")
		d.post(body(t), "traceparent", told).want(t, http.StatusCreated)
		if n := len(recorder.Started()); n != 0 {
			t.Errorf("%d spans are kept, because he says so", n)
		}
		d, recorder = tracedDoor(t, sdktrace.AlwaysSample(), "")
		d.post(body(t, "execution_id", `"another"`), "traceparent", told).want(t, http.StatusCreated)
		s := ended(t, recorder, 1)[0]
		if s.Parent().IsValid() || s.SpanContext().TraceID().String() == toldTrace || len(s.Links()) != 1 || s.Links()[0].SpanContext.TraceID().String() != toldTrace {
			t.Errorf("%+v, parent %+v, links %+v", s.SpanContext(), s.Parent(), s.Links())
		}
	})
}

func TestARequestThatCannotBeServedIsAnErrorInItsTrace(t *testing.T) {
	t.Parallel()
	lost, err := lostTemporal()
	if err != nil {
		t.Fatal(err)
	}
	defer lost.Client.Close()
	d, recorder := tracedDoor(t, sdktrace.AlwaysSample(), "", func(c *httpapi.Config, _ *httpapi.Server) {
		c.Starter, c.Limits.StartTimeout = lost, 300*time.Millisecond
	})
	d.post(body(t)).want(t, http.StatusServiceUnavailable)
	if s := ended(t, recorder, 1)[0]; s.Status().Code != codes.Error || s.Status().Description != "" || !strings.HasSuffix(texts(s), "http.response.status_code=503 error.type=_OTHER") {
		t.Errorf("%s %v", texts(s), s.Status())
	}
}
