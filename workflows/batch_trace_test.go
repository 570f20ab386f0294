package workflows

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/auditflow/auditflow/audit"
)

// callers is who starts records, each within a span of his own.
type callers struct {
	*tracetest.SpanRecorder
	*sdktrace.TracerProvider
}

func newCallers() callers {
	r := tracetest.NewSpanRecorder()
	return callers{r, sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r))}
}

// startedIn starts a record, and while it is under way further ones in contexts of
// their own. Sent are the contexts in which workflows were started.
func startedIn(t *testing.T, contexts ...context.Context) (sent []context.Context) {
	t.Helper()
	l := open(BatchConfig{Wait: time.Minute}, time.Second)
	take := l.send
	l.send = func(ctx context.Context, records []audit.Record) []Started {
		sent = append(sent, ctx)
		return take(ctx, records)
	}
	start := func(ctx context.Context, n int) {
		_, _ = l.Start(ctx, some(n))
		trace.SpanFromContext(ctx).End()
	}
	go start(context.Background(), 0)
	synctest.Wait()
	for i, ctx := range contexts {
		go start(ctx, 1+i)
		synctest.Wait()
	}
	time.Sleep(3 * time.Second)
	synctest.Wait()
	return sent
}

func TestABatchGoesOnInTheFirstTraceThatIsKeptAndIsLinkedWithTheOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := newCallers()
		tracer := c.Tracer("test")
		one, first := tracer.Start(t.Context(), "first")
		two, second := tracer.Start(t.Context(), "second")
		dropped := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}}))
		sent := startedIn(t, t.Context(), dropped, one, two, two)
		if len(sent) != 2 {
			t.Fatalf("%d workflows", len(sent))
		}
		if at := trace.SpanContextFromContext(sent[0]); at.IsValid() {
			t.Errorf("who is in no trace got into %s", at.TraceID())
		}
		spans := c.Ended()
		batch := spans[0]
		if batch.Name() != "start batch" || batch.Parent().SpanID() != first.SpanContext().SpanID() || !trace.SpanContextFromContext(sent[1]).Equal(batch.SpanContext()) {
			t.Errorf("%s within %s", batch.Name(), batch.Parent().SpanID())
		}
		if a := batch.Attributes(); len(a) != 1 || a[0].Key != attributeRecords || a[0].Value.AsInt64() != 5 {
			t.Errorf("attributes %v", a)
		}
		if links := batch.Links(); len(links) != 1 || links[0].SpanContext.SpanID() != second.SpanContext().SpanID() {
			t.Errorf("links %v", links)
		}
		for _, s := range spans[1:] {
			back := len(s.Links()) == 1 && s.Links()[0].SpanContext.SpanID() == batch.SpanContext().SpanID()
			if back != (s.Name() == "second") {
				t.Errorf("%s is linked with %v", s.Name(), s.Links())
			}
		}
	})
}

func TestALoneRecordIsStartedInItsCallersSpan(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := newCallers()
		ctx, span := c.Tracer("test").Start(t.Context(), "caller")
		sent := startedIn(t, ctx)
		if at := trace.SpanContextFromContext(sent[1]); !at.Equal(span.SpanContext()) || len(c.Ended()) != 1 {
			t.Errorf("started in %v, %d spans", at, len(c.Ended()))
		}
	})
}
