package temporalclient

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"

	"github.com/auditflow/auditflow/internal/telemetry"
)

// scope names this package in the spans that it makes.
const scope = "github.com/auditflow/auditflow/internal/temporalclient"

// Tracing makes the spans of starts, workflows and activities, named and related
// as all of Temporal's SDKs do: StartWorkflow:X, RunWorkflow:X, StartActivity:X,
// RunActivity:X. It is for clients, whose workers have it from them, and for
// replayers.
//
// What it writes into histories is one header with the W3C traceparent, and
// nothing else of its caller: neither baggage nor trace state, which are
// anybody's text. A workflow replays the same with and without it.
func Tracing(p trace.TracerProvider) (interceptor.Interceptor, error) {
	t, err := opentelemetry.NewTracer(opentelemetry.TracerOptions{
		Tracer: p.Tracer(scope), TextMapPropagator: propagation.TraceContext{}, DisableBaggage: true,
		DisableQueryTracing: true, DisableSignalTracing: true, DisableUpdateTracing: true,
		AllowInvalidParentSpans: true, // a header that is broken must not keep a record from its row
		SpanStarter: func(ctx context.Context, t trace.Tracer, name string, options ...trace.SpanStartOption) trace.Span {
			_, span := t.Start(ctx, name, options...)
			return discreet{span}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("trace Temporal: %w", err)
	}
	return tracing{Interceptor: interceptor.NewTracingInterceptor(tracer{t})}, nil
}

type tracing struct{ interceptor.Interceptor }

// InterceptClient traces starts. A schedule that is created in the course of a
// trace would keep that for ever, and hand it on to each of its runs.
func (t tracing) InterceptClient(next interceptor.ClientOutboundInterceptor) interceptor.ClientOutboundInterceptor {
	return &starts{
		ClientOutboundInterceptorBase: interceptor.ClientOutboundInterceptorBase{Next: next},
		traced:                        t.Interceptor.InterceptClient(next),
	}
}

// InterceptActivity adds to an activity's span which attempt it is.
func (t tracing) InterceptActivity(ctx context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return t.Interceptor.InterceptActivity(ctx, &attempts{interceptor.ActivityInboundInterceptorBase{Next: next}})
}

type starts struct {
	interceptor.ClientOutboundInterceptorBase
	traced interceptor.ClientOutboundInterceptor
}

func (s *starts) ExecuteWorkflow(ctx context.Context, in *interceptor.ClientExecuteWorkflowInput) (client.WorkflowRun, error) {
	return s.traced.ExecuteWorkflow(ctx, in)
}

type attempts struct {
	interceptor.ActivityInboundInterceptorBase
}

// Attributes of an activity's span, in the manner of those that Temporal's SDKs
// give: temporalWorkflowID, temporalRunID, temporalActivityID.
const (
	attributeAttempt = attribute.Key("temporalAttempt")
	attributeLocal   = attribute.Key("temporalLocalActivity")
)

func (a *attempts) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	trace.SpanFromContext(ctx).SetAttributes(attributeAttempt.Int(int(info.Attempt)), attributeLocal.Bool(info.IsLocalActivity))
	return a.Next.ExecuteActivity(ctx, in)
}

// tracer names a trace in logs as everybody else here does.
type tracer struct{ interceptor.Tracer }

// GetLogger implements [interceptor.Tracer].
func (tracer) GetLogger(log sdklog.Logger, ref interceptor.TracerSpanRef) sdklog.Logger {
	span, ok := ref.(interface{ SpanContext() trace.SpanContext })
	if !ok || !span.SpanContext().IsValid() {
		return log
	}
	at := span.SpanContext()
	return sdklog.With(log, telemetry.KeyTrace, at.TraceID().String(), telemetry.KeySpan, at.SpanID().String())
}
