package worker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/telemetry"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/workflows"
)

// spans are those that have ended.
type spans struct {
	*tracetest.SpanRecorder
	provider *sdktrace.TracerProvider
	log      lockedLog
}

type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// traced is a door whose client and worker are traced, beside one that is not.
func traced(t *testing.T, namespace string) (plain, d *batchDoor, s *spans) {
	t.Helper()
	s = &spans{SpanRecorder: tracetest.NewSpanRecorder()}
	s.provider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s.SpanRecorder))
	plain = newBatchDoor(t, namespace, workflows.BatchConfig{})
	c, err := temporalclient.Dial(temporalclient.Config{Address: servers.Temporal.Address, Namespace: namespace, Traces: s.provider},
		telemetry.Logger(&s.log, "json", "debug"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	starter := &workflows.Starter{Client: c, Sealer: plain.sealer, Redactor: plain.redactor}
	return plain, &batchDoor{workflows.NewBatcher(starter, workflows.BatchConfig{}), c, plain.sealer, plain.redactor}, s
}

// named are the spans of a name.
func (s *spans) named(name string) (found []sdktrace.ReadOnlySpan) {
	for _, span := range s.Ended() {
		if span.Name() == name {
			found = append(found, span)
		}
	}
	return found
}

// one is the only span of a name.
func (s *spans) one(t *testing.T, name string) sdktrace.ReadOnlySpan {
	t.Helper()
	found := s.named(name)
	if len(found) != 1 {
		t.Fatalf("%d spans %s", len(found), name)
	}
	return found[0]
}

func attribute(s sdktrace.ReadOnlySpan, name string) string {
	for _, a := range s.Attributes() {
		if string(a.Key) == name {
			return a.Value.String()
		}
	}
	return ""
}

func (d *batchDoor) history(t *testing.T, id string) *historypb.History {
	t.Helper()
	h := &historypb.History{}
	for events := d.client.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		e, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		h.Events = append(h.Events, e)
	}
	return h
}

func (d *batchDoor) deliver(t *testing.T, ctx context.Context, r audit.Record) workflows.Delivery {
	t.Helper()
	delivery, err := d.Start(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := delivery.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return delivery
}

// header is how many bytes a trace takes in a history.
func header(h *historypb.History) (n int) {
	for _, e := range h.GetEvents() {
		n += proto.Size(e.GetWorkflowExecutionStartedEventAttributes().GetHeader())
		n += proto.Size(e.GetActivityTaskScheduledEventAttributes().GetHeader())
		n += proto.Size(e.GetMarkerRecordedEventAttributes().GetHeader())
	}
	return n
}

func TestADeliveryIsOneTraceFromItsStartToTheCommit(t *testing.T) {
	t.Parallel()
	plain, d, s := traced(t, "one-trace")
	d.work(t)
	ctx, door := s.provider.Tracer("test").Start(t.Context(), "the door")
	delivery := d.deliver(t, ctx, days(1)[0])
	door.End()
	eventually(t, "the workflow's span has ended", func() bool { return len(s.named("RunWorkflow:DeliverAudit")) > 0 })

	parent := s.one(t, "the door")
	for _, name := range []string{"StartWorkflow:DeliverAudit", "RunWorkflow:DeliverAudit", "StartActivity:Redact", "RunActivity:Redact", "INSERT kubernetes_execution_audit"} {
		span := s.committed(t)
		if span.Name() != name {
			span = s.one(t, name)
		}
		if span.SpanContext().TraceID() != parent.SpanContext().TraceID() || span.Parent().SpanID() != parent.SpanContext().SpanID() {
			t.Errorf("%s does not come from %s", name, parent.Name())
		}
		parent = span
	}
	if run := s.one(t, "RunActivity:Redact"); attribute(run, "temporalAttempt") != "1" {
		t.Errorf("redacted and appended at attempt %s", attribute(run, "temporalAttempt"))
	}
	if got := attribute(parent, "db.system.name") + " " + attribute(parent, "db.response.returned_rows") + " " + attribute(parent, "auditflow.partitions"); got != `postgresql 1 ["kubernetes_execution_audit_2026_03"]` {
		t.Errorf("the statement is told as %s", got)
	}
	if id := parent.SpanContext().TraceID().String(); !strings.Contains(s.log.String(), `"trace_id":"`+id+`"`) {
		t.Errorf("no line of the worker's log tells of trace %s:\n%s", id, s.log.String())
	}
	traced, untraced := d.history(t, delivery.ID()), d.history(t, plain.deliver(t, t.Context(), days(2)[1]).ID())
	if n := header(traced); n == 0 || n > 200 {
		t.Errorf("the trace takes %d bytes of the history", n)
	}
	if n := header(untraced); n != 0 {
		t.Errorf("who makes no traces leaves %d bytes of headers", n)
	}
	t.Logf("the trace takes %d of %d bytes of the history; without it there are %d", header(traced), proto.Size(traced), proto.Size(untraced))
}

// committed is the span of the statement that took the rows: the first of a
// partition misses that, which is a span, too.
func (s *spans) committed(t *testing.T) sdktrace.ReadOnlySpan {
	t.Helper()
	statements := s.named("INSERT kubernetes_execution_audit")
	for _, missed := range statements[:len(statements)-1] {
		if attribute(missed, "error.type") != "database" || missed.Status().Code != codes.Error || missed.Status().Description != "" {
			t.Errorf("%v, %v", missed.Attributes(), missed.Status())
		}
	}
	return statements[len(statements)-1]
}

// refusing is a store that fails some times, as if it quoted a row.
type refusing struct {
	*postgres.Store
	left atomic.Int32
}

func (r *refusing) Append(ctx context.Context, records []audit.Record) ([]audit.Receipt, error) {
	if r.left.Add(-1) >= 0 {
		return nil, errors.New("the disk is full")
	}
	return r.Store.Append(ctx, records)
}

func TestEachAttemptIsASpanWithTheClassOfItsFailure(t *testing.T) {
	t.Parallel()
	_, d, s := traced(t, "attempts")
	store := &refusing{Store: newStore(t)}
	store.left.Store(3) // the first is a part of Redact
	stop, ended := d.workWith(t, store)
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	d.deliver(t, t.Context(), days(1)[0])
	var told []string
	for _, span := range s.named("RunActivity:Persist") {
		told = append(told, attribute(span, "temporalLocalActivity")+" "+attribute(span, "temporalAttempt")+" "+attribute(span, "error.type")+" "+span.Status().Description)
		if len(span.Events()) > 0 {
			t.Errorf("events %v", span.Events())
		}
	}
	if want := []string{"true 1 database append to the store: the disk is full", "false 1 database append to the store: the disk is full", "false 2  "}; !slices.Equal(told, want) {
		t.Errorf("attempts %q, want %q", told, want)
	}
}

func TestOfWhatTemporalAnswersToAStartItsClassIsTold(t *testing.T) {
	t.Parallel()
	_, d, s := traced(t, "answers")
	for range 2 {
		if _, err := d.Start(t.Context(), days(1)[0]); err != nil {
			t.Fatal(err)
		}
	}
	again := s.named("StartWorkflow:DeliverAudit")[1]
	if attribute(again, "auditflow.joined") != "true" || again.Status().Code == codes.Error || attribute(again, "error.type") != "" {
		t.Errorf("it was there before: %v, %v", again.Attributes(), again.Status())
	}
	// What the server says of a start that it refuses may quote what it was sent.
	lost, err := temporalclient.Dial(temporalclient.Config{Address: servers.Temporal.Address, Namespace: "no-such-namespace", Traces: s.provider},
		telemetry.Logger(&s.log, "json", "error"))
	if err != nil {
		t.Fatal(err)
	}
	defer lost.Close()
	if _, err := (&workflows.Starter{Client: lost, Sealer: d.sealer, Redactor: d.redactor}).Start(t.Context(), days(1)[0]); err == nil {
		t.Fatal("was started in a namespace that does not exist")
	}
	refused := s.named("StartWorkflow:DeliverAudit")[2]
	if refused.Status().Code != codes.Error || refused.Status().Description != "" || attribute(refused, "error.type") != "NotFound" || len(refused.Events()) > 0 {
		t.Errorf("it was refused: %v, %v, %v", refused.Attributes(), refused.Status(), refused.Events())
	}
}
