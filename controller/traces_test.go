package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/telemetry"
)

func attributesOf(s sdktrace.ReadOnlySpan) string {
	var texts []string
	for _, a := range s.Attributes() {
		texts = append(texts, string(a.Key)+"="+a.Value.String())
	}
	return strings.Join(texts, " ")
}

func TestADeliveryIsTracedFromWhatSawItsObjectEndToItsMark(t *testing.T) {
	bubble(t, func(t *testing.T) {
		recorder := tracetest.NewSpanRecorder()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
		api, targets := populate(1)
		x := targets[0]
		var log strings.Builder
		var inStart trace.SpanContext
		d := openLogged(t, Config{Traces: provider}, api, func(ctx context.Context, attempt int, _ audit.Record) (run, error) {
			inStart = trace.SpanContextFromContext(ctx)
			if attempt == 1 {
				return run{}, errors.New("what-the-server-says")
			}
			return run{}, nil
		}, logr.FromSlogHandler(telemetry.Logger(&log, "json", "debug").Handler()))
		ctx, seen := d.traceSeen(t.Context(), x.source)
		d.submit(ctx, x)
		seen.End()
		d.until(t, x, stagePersisted)
		_, mark := d.traceMark(t.Context(), x.source, d.look(x.uid))
		endSpan(mark, nil)
		if err := d.stop(); err != nil {
			t.Error(err)
		}

		spans := recorder.Ended()
		if len(spans) != 4 {
			t.Fatalf("%d spans", len(spans))
		}
		for i, want := range []string{
			"reconcile KubernetesExecution: auditflow.source=KubernetesExecution",
			"deliver KubernetesExecution: auditflow.source=KubernetesExecution auditflow.attempt=1 error.type=_OTHER",
			"deliver KubernetesExecution: auditflow.source=KubernetesExecution auditflow.attempt=2 temporalWorkflowID=audit/KubernetesExecution/uid-0",
			"mark KubernetesExecution: auditflow.source=KubernetesExecution temporalWorkflowID=audit/KubernetesExecution/uid-0",
		} {
			if got := spans[i].Name() + ": " + attributesOf(spans[i]); got != want {
				t.Errorf("span %d is %s, want %s", i, got, want)
			}
			if i > 0 && spans[i].Parent().SpanID() != seen.SpanContext().SpanID() {
				t.Errorf("span %d does not come from what saw the object", i)
			}
			if len(spans[i].Events()) > 0 || spans[i].Status().Description != "" {
				t.Errorf("span %d tells %v, %v", i, spans[i].Events(), spans[i].Status())
			}
		}
		if spans[1].Status().Code != codes.Error || spans[2].Status().Code == codes.Error {
			t.Errorf("status %v, then %v", spans[1].Status(), spans[2].Status())
		}
		if !inStart.Equal(spans[2].SpanContext()) {
			t.Error("the starter is not called within the span")
		}
		if links := spans[3].Links(); len(links) != 1 || links[0].SpanContext.SpanID() != spans[2].SpanContext().SpanID() {
			t.Errorf("the mark is linked with %v", links)
		}
		id := fmt.Sprintf(`"trace_id":"%s"`, seen.SpanContext().TraceID())
		for _, message := range []string{"delivery not started; will try again", "delivery started"} {
			for line := range strings.Lines(log.String()) {
				if strings.Contains(line, `"`+message+`"`) && !strings.Contains(line, id) {
					t.Errorf("no %s in %s", id, line)
				}
			}
			if !strings.Contains(log.String(), `"`+message+`"`) {
				t.Errorf("not logged: %s", message)
			}
		}
	})
}

func TestWithoutTracesNothingIsRememberedOfThem(t *testing.T) {
	bubble(t, func(t *testing.T) {
		api, targets := populate(1)
		d := open(t, Config{}, api, committed)
		ctx, seen := d.traceSeen(t.Context(), targets[0].source)
		d.submit(ctx, targets[0])
		seen.End()
		d.until(t, targets[0], stagePersisted)
		if j := d.look(targets[0].uid).trace; j != nil {
			t.Errorf("%+v", j)
		}
	})
}
