package postgres

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// scope names this package in the spans that it makes.
const scope = "github.com/auditflow/auditflow/store/postgres"

// attributePartitions are where the rows of a statement went.
const attributePartitions = attribute.Key("auditflow.partitions")

// statementSpan is the span of one statement, which is a transaction of its own:
// its end is the commit. The zero value is none.
type statementSpan struct{ span trace.Span }

// traceInsert begins one for who calls from within a span. Neither the text of the
// statement nor its parameters are in it.
func traceInsert(ctx context.Context, rows int) (context.Context, statementSpan) {
	caller := trace.SpanFromContext(ctx)
	if !caller.SpanContext().IsValid() {
		return ctx, statementSpan{}
	}
	ctx, span := caller.TracerProvider().Tracer(scope).Start(ctx, "INSERT "+auditTable, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(semconv.DBSystemNamePostgreSQL, semconv.DBOperationName("INSERT"),
			semconv.DBCollectionName(auditTable), semconv.DBOperationBatchSize(rows)))
	return ctx, statementSpan{span}
}

// end tells which rows were inserted, or the class of what went wrong: PostgreSQL
// may quote a row in its messages.
func (s statementSpan) end(items []*item, err error) {
	if s.span == nil {
		return
	}
	defer s.span.End()
	if err != nil {
		s.span.SetAttributes(semconv.ErrorTypeKey.String(Class(convert("insert", err))))
		s.span.SetStatus(codes.Error, "")
		return
	}
	var partitions []string
	stored := 0
	for _, it := range items {
		if it.receipt.Partition == "" {
			continue
		}
		stored++
		if !slices.Contains(partitions, it.receipt.Partition) {
			partitions = append(partitions, it.receipt.Partition)
		}
	}
	s.span.SetAttributes(semconv.DBResponseReturnedRows(stored), attributePartitions.StringSlice(partitions))
}
