package worker

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/workflows"
)

// deliveries asks Temporal which there are.
type deliveries struct{ client client.Client }

// NewDeliveries tells of the deliveries in the client's namespace.
func NewDeliveries(c client.Client) activities.Deliveries { return deliveries{c} }

// InFlight counts the running deliveries that say that their row was created in
// the stretch, or of a batch one of its rows may have been. What was started within the last moments may not be listed yet,
// and a delivery of a release that did not say so is not counted: their rows are
// late, which harms nothing, since a late row makes a partition of its own.
func (d deliveries) InFlight(ctx context.Context, start, end time.Time) (int64, error) {
	query := fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running' AND %[2]s < '%[5]s' AND (%[2]s >= '%[4]s' OR %[3]s >= '%[4]s')",
		workflows.TypeDeliverAudit, workflows.AttributeCreated.GetName(), workflows.AttributeCreatedLast.GetName(),
		start.UTC().Format(time.RFC3339Nano), end.UTC().Format(time.RFC3339Nano))
	counted, err := d.client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	if err != nil {
		return 0, fmt.Errorf("count deliveries under way: %w", err)
	}
	return counted.GetCount(), nil
}
