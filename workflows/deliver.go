package workflows

import (
	"fmt"

	"go.temporal.io/sdk/converter"
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
	redacted, done, through, err := atOnce(ctx, envelope)
	if err != nil && ctx.Err() == nil {
		err = patiently(ctx, err, ActivityRedact, "mask secrets, seal again", envelope, &redacted)
	}
	if err != nil || through {
		return done, err
	}
	return persist(ctx, redacted)
}

// atOnce tries the whole delivery where it costs least: one local activity, which leaves
// neither a task nor a redacted envelope in the history. If the rows could not be
// appended there is that envelope instead, and Persist goes on with it; so it is in all
// histories of releases that knew no other way.
func atOnce(ctx workflow.Context, envelope []byte) (redacted []byte, done activities.Delivered, through bool, err error) {
	var passed converter.RawValue
	summary := "mask secrets, append to PostgreSQL"
	if err = workflow.ExecuteLocalActivity(fast(ctx, summary), ActivityRedact, envelope, true).Get(ctx, &passed); err != nil {
		return nil, done, false, err
	}
	return activities.Passed(passed)
}

// persist tries once where it costs least; if that fails, for ever.
func persist(ctx workflow.Context, redacted []byte) (done activities.Delivered, err error) {
	summary := "append to PostgreSQL"
	err = workflow.ExecuteLocalActivity(fast(ctx, summary), ActivityPersist, redacted).Get(ctx, &done)
	if err != nil && ctx.Err() == nil {
		err = patiently(ctx, err, ActivityPersist, summary, redacted, &done)
	}
	return done, err
}

// patiently tries a step that has failed where everybody can see it, for ever. Only
// cancellation makes it give up.
func patiently(ctx workflow.Context, failed error, step, summary string, envelope []byte, result any) error {
	notAtOnce(ctx, step, failed)
	err := workflow.ExecuteActivity(slow(ctx, summary), step, envelope).Get(ctx, result)
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
