package activities_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/worker"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit/seal"
)

func TestPersistRefusesWhatRedactDidNotMake(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	envelope := b.seal(t, seal.Observed, observed("one"))
	if failure := b.failure(t, "Persist", envelope); failure.Type() != activities.TypeEnvelope || failure.Type() != "marshal_error" {
		t.Errorf("type %q, want %q", failure.Type(), activities.TypeEnvelope)
	}
	if b.store.calls != 0 {
		t.Errorf("an observed record reached the store, %d times", b.store.calls)
	}
}

func TestAMissingKeyIsNamedSo(t *testing.T) {
	t.Parallel()
	for step, stage := range map[string]seal.Stage{"Redact": seal.Observed, "Persist": seal.Redacted} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			door, b := newBench(t), newBench(t)
			envelope := door.seal(t, stage, observed("one"))
			if failure := b.failure(t, step, envelope); failure.Type() != activities.TypeKeyUnknown || failure.Type() != "key_unknown" {
				t.Errorf("type %q, want %q", failure.Type(), activities.TypeKeyUnknown)
			}
			if b.store.calls != 0 {
				t.Error("the store was called")
			}
		})
	}
}

// quoting is an error whose cause quotes content although its message does not.
type quoting struct{}

func (quoting) Error() string { return "connection refused" }
func (quoting) Unwrap() error { return errors.New("while sending " + canary) }

func TestTheStoresErrorBecomesARetryableFailureOfItsClassWithoutItsCause(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.store.fail = func(context.Context) error { return quoting{} }
	failure := b.failure(t, "Persist", b.redact(t, b.seal(t, seal.Observed, observed("one"))))
	if failure.Type() != "connection" {
		t.Errorf("type %q, want the store's class", failure.Type())
	}
	if got, want := failure.Message(), "append to the store: connection refused"; got != want {
		t.Errorf("message %q, want %q", got, want)
	}
}

func TestAPanicSaysWhereAndNotWhat(t *testing.T) {
	t.Parallel()
	for name, panics := range map[string]func(context.Context) error{
		"with content":   func(context.Context) error { panic("cannot handle " + canary) },
		"with an error":  func(context.Context) error { panic(errors.New(canary)) },
		"by the runtime": func(context.Context) error { var none *memory; return none.fail(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.store.fail = panics
			failure := b.failure(t, "Persist", b.redact(t, b.seal(t, seal.Observed, observed("one"))))
			if failure.Type() != activities.TypePanic {
				t.Errorf("type %q, want %q", failure.Type(), activities.TypePanic)
			}
			where := regexp.MustCompile(`at \S*activities_test\.TestAPanicSaysWhereAndNotWhat\.func\d+:\d+$`)
			if !where.MatchString(failure.Message()) {
				t.Errorf("message %q names no function and line of the one that panicked", failure.Message())
			}
			exposition(t, b.metrics).has(t, `kubernaut_kubernetesexecutor_audit_storage_attempts_total{status="error"} 1`,
				`kubernaut_kubernetesexecutor_audit_storage_attempts_total{status="success"} 0`,
				`kubernaut_kubernetesexecutor_audit_storage_failures_total{error_type="panic"} 1`)
		})
	}
}

func TestAPanicInRedactIsContainedAsWell(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	envelope := b.seal(t, seal.Observed, observed("one"))
	b.Sealer = nil
	failure := b.failure(t, "Redact", envelope)
	if failure.Type() != activities.TypePanic || !strings.Contains(failure.Message(), "/audit/seal.(*Sealer).Open:") {
		t.Errorf("type %q, message %q", failure.Type(), failure.Message())
	}
}

func TestPatienceThatEndsIsATimeout(t *testing.T) {
	t.Parallel()
	t.Run("the store's own", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.store.fail = func(context.Context) error { return fmt.Errorf("acquire: %w", context.DeadlineExceeded) }
		failure := b.failure(t, "Persist", b.redact(t, b.seal(t, seal.Observed, observed("one"))))
		if failure.Type() != activities.TypeTimeout || failure.Type() != "timeout" {
			t.Errorf("type %q, want %q", failure.Type(), activities.TypeTimeout)
		}
	})
	t.Run("Temporal's", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		redacted := b.redact(t, b.seal(t, seal.Observed, observed("one")))
		over, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancel()
		b.env.SetWorkerOptions(worker.Options{BackgroundActivityContext: over})
		b.store.fail = func(ctx context.Context) error { <-ctx.Done(); return fmt.Errorf("append: %w", ctx.Err()) }
		// Nobody waits for the failure any more: the metric is what remains of it.
		if _, err := b.env.ExecuteActivity("Persist", redacted); err == nil {
			t.Error("succeeded past its deadline")
		}
		exposition(t, b.metrics).has(t, `kubernaut_kubernetesexecutor_audit_storage_failures_total{error_type="timeout"} 1`)
	})
}
