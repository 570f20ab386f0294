package temporalclient

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
)

// discreet is a span that tells of an error its class and, of failures that our
// activities have worded, their message: those lie in clear in histories anyhow.
// What servers and libraries say may quote anything.
type discreet struct{ trace.Span }

// attributeJoined tells of a start that the workflow was there before.
const attributeJoined = attribute.Key("auditflow.joined")

// RecordError implements [trace.Span]. It is called first, with any error there is.
func (s discreet) RecordError(err error, _ ...trace.EventOption) {
	var there *serviceerror.WorkflowExecutionAlreadyStarted
	switch {
	case err == nil:
	case errors.As(err, &there):
		s.SetAttributes(attributeJoined.Bool(true))
	default:
		class, message := classify(err)
		s.SetAttributes(semconv.ErrorTypeKey.String(class))
		s.Span.SetStatus(codes.Error, message)
	}
}

// SetStatus implements [trace.Span]. RecordError has told of the error.
func (s discreet) SetStatus(code codes.Code, _ string) {
	if code != codes.Error {
		s.Span.SetStatus(code, "")
	}
}

func classify(err error) (class, message string) {
	var failure *temporal.ApplicationError
	var canceled *temporal.CanceledError
	var late *temporal.TimeoutError
	var service serviceerror.ServiceError
	switch {
	case errors.As(err, &failure) && failure.Type() != "":
		return failure.Type(), failure.Message()
	case errors.As(err, &canceled), errors.Is(err, context.Canceled):
		return "canceled", ""
	case errors.As(err, &late), errors.Is(err, context.DeadlineExceeded):
		return "timeout", ""
	case errors.As(err, &service):
		return service.Status().Code().String(), ""
	}
	return fmt.Sprintf("%T", err), ""
}
