package workflows

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
)

// deliverBatch is the delivery of several records. What cannot be redacted with
// the others goes on as a workflow of its own, under its own id, where it fails
// for all to see and holds nobody up.
func deliverBatch(ctx workflow.Context, envelope []byte) (activities.Delivered, error) {
	redacted, done, through, err := atOnce(ctx, envelope)
	switch {
	case err == nil && through, ctx.Err() != nil:
		return done, err
	case err == nil:
		return persist(ctx, redacted)
	}
	notAtOnce(ctx, ActivityRedact, err)
	var parted activities.Parted
	if err := workflow.ExecuteActivity(thorough(ctx, "mask secrets record by record"), ActivityRedactEach, envelope).Get(ctx, &parted); err != nil {
		return activities.Delivered{}, err
	}
	for _, one := range parted.Apart {
		if err := deliverApart(ctx, one); err != nil {
			return activities.Delivered{}, err
		}
	}
	if len(parted.Redacted) > 0 {
		if done, err = persist(ctx, parted.Redacted); err != nil {
			return activities.Delivered{}, err
		}
	}
	return reunite(parted, done), nil
}

// deliverApart starts the delivery of one record, which outlives this one. If
// there is one already, so much the better. Of its names nothing is known to be
// no secret: redacting it failed.
func deliverApart(ctx workflow.Context, one activities.Apart) error {
	options := workflow.ChildWorkflowOptions{
		WorkflowID:            one.WorkflowID,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		StaticSummary:         "a record that could not be redacted in its batch: " + one.Why,
		StaticDetails:         fmt.Sprintf("- row: `%s`\n- batch: `%s`\n", one.ID, workflow.GetInfo(ctx).WorkflowExecution.ID),
		TypedSearchAttributes: temporal.NewSearchAttributes(
			AttributeRecords.ValueSet([]string{ShortID(one.ID)}), AttributeCreated.ValueSet(one.CreatedAt.UTC())),
	}
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), TypeDeliverAudit, one.Envelope)
	err := child.GetChildWorkflowExecution().Get(ctx, nil)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return nil
	}
	return err
}

// reunite puts the rows into the places of their records.
func reunite(parted activities.Parted, done activities.Delivered) activities.Delivered {
	rows := make([]audit.Receipt, parted.Records)
	apart := make(map[int]string, len(parted.Apart))
	for _, one := range parted.Apart {
		apart[one.Place] = one.WorkflowID
	}
	next := 0
	for place := range rows {
		if _, gone := apart[place]; !gone && next < len(done.Rows) {
			rows[place] = done.Rows[next]
			next++
		}
	}
	done.Rows, done.Apart = rows, apart
	return done
}
