package workflows_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/workflows"
)

const ownID = "audit/KubernetesExecution/poison"

// deliverBatch is a worker for a batch of three, the second of which cannot be
// redacted, and for the delivery of that one.
func deliverBatch(redact, each, persist *hands) *testsuite.TestWorkflowEnvironment {
	env := deliver(&hands{}, &hands{})
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflows.BatchID("7"), TaskQueue: workflows.QueueDelivery})
	alone := &hands{give: []byte("alone, redacted")}
	env.RegisterActivityWithOptions(func(ctx context.Context, envelope []byte, through bool) (converter.RawValue, error) {
		if string(envelope) == "alone" {
			return alone.redact(ctx, envelope, through)
		}
		return redact.redact(ctx, envelope, through)
	}, activity.RegisterOptions{Name: workflows.ActivityRedact, DisableAlreadyRegisteredCheck: true})
	env.RegisterActivityWithOptions(func(ctx context.Context, envelope []byte) (activities.Parted, error) {
		return activities.Parted{Records: 3, Redacted: []byte("two, redacted"), Apart: []activities.Apart{
			{Place: 1, ID: "poison00-0000", CreatedAt: time.Unix(1, 0), WorkflowID: ownID, Envelope: []byte("alone"), Why: activities.TypePanic},
		}}, each.attempt(ctx, envelope)
	}, activity.RegisterOptions{Name: workflows.ActivityRedactEach})
	env.RegisterActivityWithOptions(func(ctx context.Context, envelope []byte) (activities.Delivered, error) {
		rows := map[string][]string{"redacted": {"a", "b", "c"}, "two, redacted": {"a", "c"}, "alone, redacted": {"b"}}[string(envelope)]
		var done activities.Delivered
		for _, id := range rows {
			done.Rows = append(done.Rows, audit.Receipt{ID: id, Outcome: audit.OutcomeStored})
		}
		if string(envelope) == "alone, redacted" { // at the same time as the batch
			return done, nil
		}
		return done, persist.attempt(ctx, envelope)
	}, activity.RegisterOptions{Name: workflows.ActivityPersist, DisableAlreadyRegisteredCheck: true})
	return env
}

func idsOf(done activities.Delivered) (ids []string) {
	for _, row := range done.Rows {
		ids = append(ids, row.ID)
	}
	return ids
}

func TestAHealthyBatchIsOneStep(t *testing.T) {
	t.Parallel()
	redact, each, persist := &hands{through: &activities.Delivered{Rows: []audit.Receipt{{ID: "a"}, {ID: "b"}}}}, &hands{}, &hands{}
	env := deliverBatch(redact, each, persist)
	env.ExecuteWorkflow(workflows.TypeDeliverAudit, []byte("batch"))
	var done activities.Delivered
	if err := errors.Join(env.GetWorkflowError(), env.GetWorkflowResult(&done)); err != nil {
		t.Fatal(err)
	}
	if redact.local != 1 || redact.regular+persist.local+persist.regular+each.regular+each.local != 0 {
		t.Errorf("attempts: redact %+v, each %+v, persist %+v", redact, each, persist)
	}
	if got := idsOf(done); !reflect.DeepEqual(got, []string{"a", "b"}) || done.Apart != nil {
		t.Errorf("rows %q, apart %v", got, done.Apart)
	}
}

func TestABatchThatCouldNotBeAppendedAtOnceGoesOnWithPersist(t *testing.T) {
	t.Parallel()
	redact, each, persist := &hands{give: []byte("redacted")}, &hands{}, &hands{}
	env := deliverBatch(redact, each, persist)
	env.ExecuteWorkflow(workflows.TypeDeliverAudit, []byte("batch"))
	var done activities.Delivered
	if err := errors.Join(env.GetWorkflowError(), env.GetWorkflowResult(&done)); err != nil {
		t.Fatal(err)
	}
	if redact.local != 1 || persist.local != 1 || redact.regular+persist.regular+each.regular+each.local != 0 {
		t.Errorf("attempts: redact %+v, each %+v, persist %+v", redact, each, persist)
	}
	if got := idsOf(done); !reflect.DeepEqual(got, []string{"a", "b", "c"}) || done.Apart != nil {
		t.Errorf("rows %q, apart %v", got, done.Apart)
	}
}

func TestOnePoisonousRecordGoesAloneAndHoldsNoneOfTheOthers(t *testing.T) {
	t.Parallel()
	redact, each, persist := &hands{failures: 1}, &hands{failures: 2}, &hands{}
	env := deliverBatch(redact, each, persist)
	children := 0
	env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, _ converter.EncodedValues) {
		children++
		if info.WorkflowExecution.ID != ownID {
			t.Errorf("a child %s, want %s", info.WorkflowExecution.ID, ownID)
		}
	})
	env.ExecuteWorkflow(workflows.TypeDeliverAudit, []byte("batch"))
	var done activities.Delivered
	if err := errors.Join(env.GetWorkflowError(), env.GetWorkflowResult(&done)); err != nil {
		t.Fatal(err)
	}
	if redact.local != 1 || redact.regular != 0 || each.local != 0 || each.regular != 3 || children != 1 {
		t.Errorf("attempts: redact %+v, each %+v; %d children", redact, each, children)
	}
	if got := idsOf(done); !reflect.DeepEqual(got, []string{"a", "", "c"}) || !reflect.DeepEqual(done.Apart, map[int]string{1: ownID}) {
		t.Errorf("rows %q, apart %v", got, done.Apart)
	}
}
