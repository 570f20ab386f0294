// Package temporalclient connects to Temporal and prepares the namespace.
package temporalclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// Config says where Temporal is.
type Config struct {
	Address   string // host:port
	Namespace string
	Identity  string // shown in the UI beside what this process did
	// TLS encrypts the connection. Default: nothing does.
	TLS TLS
	// APIKeyFile holds the key that goes with every request, and is read for each.
	// Default: none.
	APIKeyFile string
	// Metrics is where the SDK's go, see [Metrics]. Default: nowhere.
	Metrics client.MetricsHandler
	// Traces makes the spans of what the client starts and what its workers run,
	// see [Tracing]. Default: there are none, and nothing of them in histories.
	Traces trace.TracerProvider
}

func (c Config) options(log *slog.Logger) (client.Options, error) {
	o := client.Options{
		HostPort: c.Address, Namespace: c.Namespace, Identity: c.Identity,
		Logger: logger(log), MetricsHandler: c.Metrics, Credentials: credentials(c.APIKeyFile, log),
	}
	encrypted, err := c.TLS.config(c.Address, log)
	if err != nil {
		return o, fmt.Errorf("TLS for Temporal: %w", err)
	}
	o.ConnectionOptions.TLS = encrypted
	// What is large in our requests is compressed and then encrypted already: compressing
	// it again makes it no smaller, and costs a tenth of a door's processor time.
	o.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	o.ConnectionOptions.TLSDisabled = encrypted == nil // else a key alone turns it on, as the SDK sees it
	if c.Traces != nil {
		tracing, err := Tracing(c.Traces)
		if err != nil {
			return o, err
		}
		o.Interceptors = append(o.Interceptors, tracing)
	}
	return o, nil
}

// Dial returns a client at once, whether the server is there or not.
func Dial(cfg Config, log *slog.Logger) (client.Client, error) {
	options, err := cfg.options(log)
	if err != nil {
		return nil, err
	}
	c, err := client.NewLazyClient(options)
	if err != nil {
		return nil, fmt.Errorf("temporal client for %s: %w", cfg.Address, err)
	}
	return c, nil
}

// Over returns another client over the connection of one that [Dial] made, once
// the server is there. It knows from the beginning what the server can do. One of
// Dial finds that out when it is first used, and an eager start reads it without
// a lock while others may still be finding out (SDK 1.50): eager starts want one
// of these.
func Over(ctx context.Context, existing client.Client, cfg Config, log *slog.Logger) (client.Client, error) {
	options, err := cfg.options(log)
	if err != nil {
		return nil, err
	}
	options.HostPort = "" // the connection's
	c, err := client.NewClientFromExistingWithContext(ctx, existing, options)
	if err != nil {
		return nil, fmt.Errorf("temporal client for %s: %w", cfg.Address, err)
	}
	return c, nil
}

// Prepare registers the search attributes the namespace lacks. It is safe to
// call from any number of processes at once.
func Prepare(ctx context.Context, c client.Client, namespace string, attributes []temporal.SearchAttributeKey) error {
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("list search attributes: %w", err)
	}
	missing := map[string]enumspb.IndexedValueType{}
	for _, a := range attributes {
		registered, ok := have.CustomAttributes[a.GetName()]
		switch {
		case !ok:
			missing[a.GetName()] = a.GetValueType()
		case registered != a.GetValueType():
			return fmt.Errorf("search attribute %s is registered as %s, want %s: remove it from namespace %s or use another namespace",
				a.GetName(), registered, a.GetValueType(), namespace)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	var exists *serviceerror.AlreadyExists
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("register search attributes %s: %w", strings.Join(slices.Sorted(maps.Keys(missing)), ", "), err)
	}
	return nil
}

// Check tells whether the namespace can be reached.
func Check(ctx context.Context, c client.Client, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("temporal namespace %s: %w", namespace, err)
	}
	return nil
}

// Until calls try until it succeeds or ctx ends, with back-off up to 10 s. One
// call may take as long as limit. Each failure is logged: a start that hangs
// must say on what.
func Until(ctx context.Context, log *slog.Logger, doing string, limit time.Duration, try func(context.Context) error) error {
	for pause := 250 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		attempt, cancel := context.WithTimeout(ctx, limit)
		long := time.AfterFunc(30*time.Second, func() { log.Warn("waiting at start", "for", doing, "since", "30s") })
		err := try(attempt)
		long.Stop()
		cancel()
		if err == nil {
			return nil
		}
		log.Warn("waiting at start", "for", doing, "retry_in", pause.String(), "error", err)
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}
