package workflows_test

import (
	"context"
	"fmt"
	"time"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/workflows"
)

// batch records the delivery of a batch, healthy or with a record that is set apart.
func (r *recorder) batch(ctx context.Context, name string) (*historypb.History, error) {
	key, err := throwaway()
	if err != nil {
		return nil, err
	}
	batcher := workflows.NewBatcher(&workflows.Starter{Client: r.client, Sealer: key, Redactor: redact.New()}, workflows.BatchConfig{Wait: time.Minute})
	all := batcher.StartAll(ctx, []audit.Record{execution(name + "-1"), execution(name + "-2"), execution(name + "-3")})
	started := all[0].Delivery
	if all[0].Err != nil {
		return nil, all[0].Err
	}
	committed := func() error { _, err := started.Wait(ctx); return err }
	if name == "batch" {
		err = r.work(ctx, key, committed)
	} else {
		err = r.workBadly(&activities.Deliver{
			Sealer: key, Redactor: redact.New(), Store: r, ErrorClass: func(error) string { return "connection" },
		}, execution(name+"-2"), committed)
	}
	if err != nil {
		return nil, fmt.Errorf("wait for %s: %w", started.ID(), err)
	}
	return r.history(ctx, started.ID())
}

// workBadly runs a worker that cannot redact one record until the condition holds.
func (r *recorder) workBadly(deliver *activities.Deliver, poison audit.Record, condition func() error) error {
	w := sdkworker.New(r.client, workflows.QueueDelivery, sdkworker.Options{DisableRegistrationAliasing: true})
	w.RegisterWorkflowWithOptions(workflows.DeliverAudit, workflow.RegisterOptions{Name: workflows.TypeDeliverAudit})
	w.RegisterActivityWithOptions(func(context.Context, []byte, bool) ([]byte, error) {
		return nil, temporal.NewApplicationError("panic of type string", activities.TypePanic)
	}, activity.RegisterOptions{Name: workflows.ActivityRedact})
	w.RegisterActivityWithOptions(func(ctx context.Context, envelope []byte) (activities.Parted, error) {
		parted, err := deliver.RedactEach(ctx, envelope)
		parted.Apart = []activities.Apart{{
			Place: 1, ID: poison.ID, CreatedAt: poison.CreatedAt, WorkflowID: workflows.DeliveryOfRecord(poison), Envelope: []byte("sealed"), Why: activities.TypePanic,
		}}
		return parted, err
	}, activity.RegisterOptions{Name: workflows.ActivityRedactEach})
	w.RegisterActivityWithOptions(func(context.Context, []byte) (activities.Delivered, error) {
		return activities.Delivered{Rows: []audit.Receipt{{ID: "1", Outcome: audit.OutcomeStored}, {ID: "3", Outcome: audit.OutcomeStored}}}, nil
	}, activity.RegisterOptions{Name: workflows.ActivityPersist})
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	return condition()
}
