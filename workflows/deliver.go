package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/activities"
)

// DeliverAudit redacts the records of one sealed envelope and persists them.
// It ends only when their rows are committed, however long that takes.
//
// The envelope passes through undecoded: what Temporal stores of a record, as
// input, as marker, as activity input, is always sealed.
func DeliverAudit(ctx workflow.Context, envelope []byte) (activities.Delivered, error) {
	if IsBatch(workflow.GetInfo(ctx).WorkflowExecution.ID) { // no history of a release without batches has such an id
		return deliverBatch(ctx, envelope)
	}
	var redacted []byte
	if err := fastThenSlow(ctx, ActivityRedact, summaryRedact, envelope, &redacted); err != nil {
		return activities.Delivered{}, err
	}
	return persist(ctx, redacted)
}

// summaryRedact tells of the step in the UI.
const summaryRedact = "mask secrets, seal again"

func persist(ctx workflow.Context, redacted []byte) (done activities.Delivered, err error) {
	err = fastThenSlow(ctx, ActivityPersist, "append to PostgreSQL", redacted, &done)
	return done, err
}

// fastThenSlow tries a step once where it costs least; if that fails, it tries
// for ever where everybody can see it. Only cancellation makes it give up.
func fastThenSlow(ctx workflow.Context, step, summary string, envelope []byte, result any) error {
	err := workflow.ExecuteLocalActivity(fast(ctx, summary), step, envelope).Get(ctx, result)
	if err == nil || ctx.Err() != nil {
		return err
	}
	notAtOnce(ctx, step, err)
	err = workflow.ExecuteActivity(slow(ctx, summary), step, envelope).Get(ctx, result)
	if err == nil {
		workflow.SetCurrentDetails(ctx, step+" succeeded, though not at once.\n")
	}
	return err
}

// notAtOnce shows in the UI what held a delivery up first; its pending activity
// only knows what came after.
func notAtOnce(ctx workflow.Context, step string, err error) {
	workflow.SetCurrentDetails(ctx, cut(fmt.Sprintf(
		"**%s did not succeed at once**: %s\n\nIt is tried until it does. *Pending Activities* has attempt, last failure and next retry.\n",
		step, said(reason(err))), maxDetails))
}
