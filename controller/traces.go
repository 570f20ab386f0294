package controller

import (
	"context"
	"errors"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/auditflow/auditflow/workflows"
)

// A delivery's trace begins with the reconciliation that finds its object ended.
// In spans stands no name that somebody chose, and of errors their class only:
// what is secret in a name only a redactor tells that has the whole record.

// scope names this package in the spans that it makes.
const scope = "github.com/auditflow/auditflow/controller"

// Attributes of spans.
const (
	attributeSource  = attribute.Key("auditflow.source")
	attributeAttempt = attribute.Key("auditflow.attempt")
	// attributeWorkflow is spelled as Temporal's own SDKs spell it in theirs.
	attributeWorkflow = attribute.Key("temporalWorkflowID")
)

// journey is where a delivery is in its trace: what began it, and which attempt
// has started its workflow. It is not changed; nil is without a trace.
type journey struct{ seen, started trace.SpanContext }

func journeyOf(ctx context.Context) *journey {
	at := trace.SpanContextFromContext(ctx)
	if !at.IsValid() {
		return nil
	}
	return &journey{seen: at}
}

func (j *journey) startedIn(s startSpan) *journey {
	if j == nil {
		return nil
	}
	return &journey{j.seen, s.SpanContext()}
}

// context is one in which spans and lines of the log belong to the trace.
func (j *journey) context(ctx context.Context) context.Context {
	if j == nil {
		return ctx
	}
	return trace.ContextWithSpanContext(ctx, j.seen)
}

// traceSeen is the span of the reconciliation that hands an object over.
func (d *Deliveries) traceSeen(ctx context.Context, s Source) (context.Context, trace.Span) {
	return d.tracer.Start(ctx, "reconcile "+s.Kind().Kind, trace.WithAttributes(attributeSource.String(s.Kind().Kind)))
}

// startSpan is that of one attempt to start a workflow: it observes the object,
// waits for company, and starts.
type startSpan struct{ trace.Span }

func (d *Deliveries) traceStart(ctx context.Context, t target, attempt int) (context.Context, startSpan) {
	ctx, span := d.tracer.Start(d.look(t.uid).trace.context(ctx), "deliver "+t.source.Kind().Kind,
		trace.WithAttributes(attributeSource.String(t.source.Kind().Kind), attributeAttempt.Int(attempt)))
	return ctx, startSpan{span}
}

func (s startSpan) end(handle workflows.Delivery, err error) {
	if err == nil {
		s.SetAttributes(attributeWorkflow.String(handle.ID()))
	}
	endSpan(s.Span, err)
}

// traceMark is the span of the patch that marks an object as persisted. It comes
// after the workflow's end, which nobody waits for within a span: hence the link.
func (d *Deliveries) traceMark(ctx context.Context, s Source, x delivery) (context.Context, trace.Span) {
	options := []trace.SpanStartOption{trace.WithAttributes(attributeSource.String(s.Kind().Kind), attributeWorkflow.String(x.workflowID))}
	if x.trace == nil { // whoever was here before has delivered it
		return ctx, trace.SpanFromContext(ctx)
	}
	if x.trace.started.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: x.trace.started}))
	}
	return d.tracer.Start(x.trace.context(ctx), "mark "+s.Kind().Kind, options...)
}

// endSpan ends a span with the class of the error, if there is one.
func endSpan(span trace.Span, err error) {
	if err != nil {
		span.SetAttributes(semconv.ErrorTypeKey.String(errorClass(err)))
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

func errorClass(err error) string {
	var api *apiError
	var answer apierrors.APIStatus
	switch {
	case errors.Is(err, errReplaced):
		return "object_gone"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.As(err, &api), errors.As(err, &answer):
		return "api_server"
	}
	return semconv.ErrorTypeOther.Value.AsString()
}

// traced is a log whose lines tell the trace of ctx, if that has one.
func traced(ctx context.Context, log logr.Logger) logr.Logger {
	at := trace.SpanContextFromContext(ctx)
	if !at.IsValid() {
		return log
	}
	return log.WithValues("trace_id", at.TraceID().String(), "span_id", at.SpanID().String())
}
