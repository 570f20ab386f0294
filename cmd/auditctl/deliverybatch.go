package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/workflows"
)

// find looks for the delivery of a row that may have gone in a batch: of all
// workflows that name its short id the one that is under way, or has stored it.
// Two rows may have the same short id, so of one that is over its result decides.
// nil if there is none.
func find(ctx context.Context, c client.Client, rowIDs []string) (*delivery, error) {
	for _, id := range rowIDs {
		query := fmt.Sprintf("WorkflowType = '%s' AND %s = '%s'", workflows.TypeDeliverAudit, workflows.AttributeRecords.GetName(), workflows.ShortID(id))
		list, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query})
		if err != nil {
			return nil, fmt.Errorf("ask Temporal who delivers record %s: %w", id, err)
		}
		var last *delivery
		for _, run := range list.GetExecutions() {
			d, err := describe(ctx, c, run.GetExecution().GetWorkflowId())
			if err != nil {
				return nil, err
			}
			if d == nil {
				continue
			}
			d.narrow([]string{id})
			if len(d.rows) > 0 {
				return d, nil
			}
			if last == nil || d.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING.String() {
				last = d
			}
		}
		if last != nil && last.Status != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED.String() {
			return last, nil
		}
	}
	return nil, nil
}

// narrow leaves of a batch what is about one of these rows: the rest is that of
// others.
func (d *delivery) narrow(rowIDs []string) {
	if !workflows.IsBatch(d.WorkflowID) {
		return
	}
	d.rows = slices.DeleteFunc(d.rows, func(r audit.Receipt) bool { return !slices.Contains(rowIDs, r.ID) })
	d.Masked, d.CreatedAt = nil, time.Time{}
}
