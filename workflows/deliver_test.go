package workflows_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/workflows"
)

// hands count the attempts of each step and fail as many as they are told to.
type hands struct {
	local, regular int // attempts
	failures       int // still to come
	got            []byte
	give           []byte
	through        *activities.Delivered // what Redact gives if it may go through; nil: it cannot append
}

// redact is an attempt of Redact.
func (h *hands) redact(ctx context.Context, envelope []byte, through bool) (converter.RawValue, error) {
	if err := h.attempt(ctx, envelope); err != nil {
		return converter.RawValue{}, err
	}
	var result any = h.give
	if through && h.through != nil {
		result = h.through
	}
	payload, err := converter.GetDefaultDataConverter().ToPayload(result)
	return converter.NewRawValue(payload), err
}

func (h *hands) attempt(ctx context.Context, envelope []byte) error {
	if activity.GetInfo(ctx).IsLocalActivity {
		h.local++
	} else {
		h.regular++
	}
	h.got = envelope
	if h.failures > 0 {
		h.failures--
		return temporal.NewApplicationError("append to the store: connection to `user=worker` refused", "connection")
	}
	return nil
}

func deliver(redact, persist *hands) *testsuite.TestWorkflowEnvironment {
	var s testsuite.WorkflowTestSuite
	s.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := s.NewTestWorkflowEnvironment()
	env.RegisterWorkflowWithOptions(workflows.DeliverAudit, workflow.RegisterOptions{Name: workflows.TypeDeliverAudit})
	env.RegisterActivityWithOptions(redact.redact, activity.RegisterOptions{Name: workflows.ActivityRedact})
	env.RegisterActivityWithOptions(func(ctx context.Context, envelope []byte) (activities.Delivered, error) {
		done := activities.Delivered{Rows: []audit.Receipt{{ID: "row", Outcome: audit.OutcomeStored}}}
		return done, persist.attempt(ctx, envelope)
	}, activity.RegisterOptions{Name: workflows.ActivityPersist})
	env.SetTestTimeout(time.Minute)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute}) // a busy machine is no deadlock
	return env
}

func TestAHealthyDeliveryIsOneStep(t *testing.T) {
	t.Parallel()
	redact, persist := &hands{through: &activities.Delivered{Rows: []audit.Receipt{{ID: "row", Outcome: audit.OutcomeStored}}}}, &hands{}
	env := deliver(redact, persist)
	env.ExecuteWorkflow(workflows.TypeDeliverAudit, []byte("observed"))
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if redact.local != 1 || redact.regular+persist.local+persist.regular != 0 || string(redact.got) != "observed" {
		t.Errorf("attempts: redact %+v, persist %+v", redact, persist)
	}
	var done activities.Delivered
	if err := env.GetWorkflowResult(&done); err != nil || len(done.Rows) != 1 || done.Rows[0].ID != "row" {
		t.Errorf("result %+v, %v", done, err)
	}
}

// Nor do releases go further that know no other way.
func TestWhatCouldNotBeAppendedAtOnceGoesOnWithPersist(t *testing.T) {
	t.Parallel()
	redact, persist := &hands{give: []byte("redacted")}, &hands{}
	env := deliver(redact, persist)
	env.ExecuteWorkflow(workflows.TypeDeliverAudit, []byte("observed"))
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if redact.local != 1 || persist.local != 1 || redact.regular+persist.regular != 0 {
		t.Errorf("attempts: redact %+v, persist %+v", redact, persist)
	}
	if string(redact.got) != "observed" || string(persist.got) != "redacted" {
		t.Errorf("Redact got %q, Persist got %q", redact.got, persist.got)
	}
	var done activities.Delivered
	if err := env.GetWorkflowResult(&done); err != nil || len(done.Rows) != 1 || done.Rows[0].ID != "row" {
		t.Errorf("result %+v, %v", done, err)
	}
}

// The test environment gives up after ten attempts where the server would not;
// that the server is told "unlimited" is tested against a real one, in test/e2e.
func TestAStepThatFailsIsTriedAgainWhereEverybodySeesIt(t *testing.T) {
	t.Parallel()
	for _, step := range []string{workflows.ActivityRedact, workflows.ActivityPersist} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			redact, persist := &hands{}, &hands{}
			failing := map[string]*hands{workflows.ActivityRedact: redact, workflows.ActivityPersist: persist}[step]
			failing.failures = 10 // one local, nine regular
			env := deliver(redact, persist)
			began := env.Now()
			env.ExecuteWorkflow(workflows.TypeDeliverAudit, []byte("observed"))
			if err := env.GetWorkflowError(); err != nil {
				t.Fatal(err)
			}
			if failing.local != 1 || failing.regular != 10 {
				t.Errorf("%d local and %d regular attempts, want 1 and 10", failing.local, failing.regular)
			}
			const pauses = (1 + 2 + 4 + 8 + 16 + 4*20) * time.Second
			if took := env.Now().Sub(began); took < pauses || took > pauses+time.Second {
				t.Errorf("took %s, want %s: back-off from 1 s to 20 s", took, pauses)
			}
		})
	}
}

func TestACancelledDeliveryIsNotADoneOne(t *testing.T) {
	t.Parallel()
	persist := &hands{failures: 1 << 30}
	env := deliver(&hands{}, persist)
	env.RegisterDelayedCallback(env.CancelWorkflow, 10*time.Second)
	env.ExecuteWorkflow(workflows.TypeDeliverAudit, []byte("observed"))
	var cancelled *temporal.CanceledError
	if err := env.GetWorkflowError(); !errors.As(err, &cancelled) {
		t.Errorf("ended with %v, want a cancellation, after which a door starts it anew", err)
	}
}

func TestTheCurrentDetailsTellWhatHoldsADeliveryUp(t *testing.T) {
	t.Parallel()
	persist := &hands{failures: 3}
	env := deliver(&hands{give: []byte("redacted")}, persist)
	var meanwhile string
	env.RegisterDelayedCallback(func() { meanwhile = currentDetails(t, env) }, time.Second)
	env.ExecuteWorkflow(workflows.TypeDeliverAudit, []byte("observed"))
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if want := "**Persist did not succeed at once**: append to the store: connection to 'user=worker' refused"; !strings.HasPrefix(meanwhile, want) {
		t.Errorf("meanwhile %q, want %q…", meanwhile, want)
	}
	if got, want := currentDetails(t, env), "Persist succeeded, though not at once.\n"; got != want {
		t.Errorf("in the end %q, want %q", got, want)
	}
}

// currentDetails is what the UI shows of a workflow under that name.
func currentDetails(t *testing.T, env *testsuite.TestWorkflowEnvironment) string {
	t.Helper()
	answer, err := env.QueryWorkflow("__temporal_workflow_metadata")
	if err != nil {
		t.Fatal(err)
	}
	var metadata sdkpb.WorkflowMetadata
	if err := answer.Get(&metadata); err != nil {
		t.Fatal(err)
	}
	return metadata.GetCurrentDetails()
}
