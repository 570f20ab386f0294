package workflows

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// scope names this package in the spans that it makes.
const scope = "github.com/auditflow/auditflow/workflows"

// attributeRecords is how many records a workflow carries.
const attributeRecords = attribute.Key("auditflow.records")

// traceTogether is the span of a start in company; of a lone record there is none,
// its caller's is enough. A workflow can be in one trace only: it is that of the
// first record whose trace is kept, so that what happens to a record that is traced
// is seen also if others were before it. The traces of the others and this one are
// linked, there and back. Who calls no one from within a span pays nothing.
func traceTogether(ctx context.Context, batch []*waiter) (context.Context, func()) {
	callers := tracedCallers(batch)
	if len(callers) == 0 || len(batch) == 1 {
		return ctx, func() {}
	}
	lead, others := callers[0], callers[1:]
	links := make([]trace.Link, len(others))
	for i, other := range others {
		links[i].SpanContext = other.SpanContext()
	}
	ctx, span := lead.TracerProvider().Tracer(scope).Start(trace.ContextWithSpan(ctx, lead), "start batch",
		trace.WithLinks(links...), trace.WithAttributes(attributeRecords.Int(len(batch))))
	for _, other := range others {
		other.AddLink(trace.Link{SpanContext: span.SpanContext()})
	}
	return ctx, func() { span.End() }
}

// tracedCallers are the spans from within which the records of a batch were
// started and that are kept, each once: a caller may have brought several records.
func tracedCallers(batch []*waiter) (spans []trace.Span) {
	for _, w := range batch {
		span := trace.SpanFromContext(w.ctx)
		if at := span.SpanContext(); at.IsSampled() && !slices.ContainsFunc(spans, func(s trace.Span) bool { return s.SpanContext().Equal(at) }) {
			spans = append(spans, span)
		}
	}
	return spans
}
