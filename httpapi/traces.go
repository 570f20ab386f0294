package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// scope names this package in the spans that it makes.
const scope = "github.com/auditflow/auditflow/httpapi"

// requestSpan is the span of a request. It begins, with the request's time, when
// it is known who sends that: strangers cause no spans, with which they could
// crowd out everybody else's. nil is none.
type requestSpan struct {
	route string // with the method, as in "GET /x"
	began time.Time
	span  trace.Span // nil until somebody is known
}

type spanKey struct{}

// traceable gives a request its place for a span. The request is a copy, so that
// it may be given another context later.
func (d *door) traceable(r *http.Request, route string, began time.Time) (*http.Request, *requestSpan) {
	if d.tracer == nil {
		return r, nil
	}
	s := &requestSpan{route: route, began: began}
	return r.WithContext(context.WithValue(r.Context(), spanKey{}, s)), s
}

// authenticate tells who sends a request, or refuses it. With a client that is
// known begins the span; from here on it is in the request's context.
func (d *door) authenticate(r *http.Request) (principal, *Problem) {
	who, p := d.access.authenticate(r)
	if s, ok := r.Context().Value(spanKey{}).(*requestSpan); ok && p == nil {
		*r = *r.WithContext(d.begin(r, who, s)) //nolint:contextcheck // it is the request's own, and more
	}
	return who, p
}

// begin continues the trace of a client that has shown who it is, and keeps it if
// that does. What anybody may write (an API without authentication) is no more than
// a link: else anybody could have every one of his requests traced.
//
// The trace state and baggage that come with it are not passed on: they are
// anybody's text, and would lie in Temporal's histories.
func (d *door) begin(r *http.Request, who principal, s *requestSpan) context.Context {
	ctx := r.Context()
	_, path, _ := strings.Cut(s.route, " ")
	options := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(s.began),
		trace.WithAttributes(semconv.HTTPRequestMethodKey.String(r.Method), semconv.HTTPRoute(path)),
	}
	told := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header)))
	told = told.WithTraceState(trace.TraceState{})
	switch {
	case !told.IsValid():
	case who.name != "":
		ctx = trace.ContextWithRemoteSpanContext(ctx, told)
	default:
		options = append(options, trace.WithLinks(trace.Link{SpanContext: told}))
	}
	ctx, s.span = d.tracer.Start(ctx, s.route, options...)
	return ctx
}

// end tells how the request was answered.
func (s *requestSpan) end(status int) {
	if s == nil || s.span == nil {
		return
	}
	s.span.SetAttributes(semconv.HTTPResponseStatusCode(status))
	if status >= http.StatusInternalServerError {
		s.span.SetAttributes(semconv.ErrorTypeOther)
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}
