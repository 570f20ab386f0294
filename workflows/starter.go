package workflows

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
)

// Starter hands records over to Temporal. It is safe for concurrent use; all
// fields are required.
type Starter struct {
	Client client.Client
	// Sealer seals the record before it leaves the process.
	Sealer *seal.Sealer
	// Redactor masks the names that go in clear: summary and search attributes.
	Redactor *redact.Redactor
}

// Delivery is a started workflow that ends when its row is committed.
type Delivery struct{ run client.WorkflowRun }

// DeliveryOf is the delivery that a run of [DeliverAudit] carries out, whoever
// started it.
func DeliveryOf(run client.WorkflowRun) Delivery { return Delivery{run} }

// ID is the workflow id, to be found in the Temporal UI and, later, in the row's
// delivered_by.
func (d Delivery) ID() string { return d.run.GetID() }

// Wait returns once the rows are committed. A workflow that somebody terminated
// or whose history is gone is an error; starting it again is harmless.
func (d Delivery) Wait(ctx context.Context) (activities.Delivered, error) {
	var done activities.Delivered
	if err := d.run.Get(ctx, &done); err != nil {
		return activities.Delivered{}, fmt.Errorf("wait for %s: %w", d.ID(), err)
	}
	return done, nil
}

// Start returns once Temporal has the record durably. Starting the same
// execution again, also after it was delivered, joins the delivery there is.
//
// An invalid record is refused with all its faults; any other error is
// Temporal's and worth a retry. Neither holds content.
func (s *Starter) Start(ctx context.Context, r audit.Record) (Delivery, error) {
	if err := r.Validate(); err != nil {
		return Delivery{}, fmt.Errorf("record %s: %w", r.ID, err)
	}
	id := DeliveryID(r.Source, r.ExecutionUID)
	envelope, err := s.Sealer.Seal([]audit.Record{r}, seal.Observed, id)
	if err != nil {
		return Delivery{}, fmt.Errorf("seal record %s: %w", r.ID, err)
	}
	label := s.label(r)
	run, err := s.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:        id,
		TaskQueue: QueueDelivery,
		// A finished delivery is returned as it is; one that somebody cancelled
		// or terminated starts anew. Past the namespace's retention Temporal no
		// longer knows the id; then the primary key holds.
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		TypedSearchAttributes:    label.attributes(),
		StaticSummary:            label.summary(),
		StaticDetails:            label.details(),
	}, TypeDeliverAudit, envelope)
	if err != nil {
		return Delivery{}, fmt.Errorf("start %s: %w", id, err)
	}
	return DeliveryOf(run), nil
}

// Ended tells that the workflow an error of [Delivery.Wait] speaks of is over,
// or forgotten, without having committed its rows. Then the record must be
// started again; other errors are worth another wait.
func Ended(err error) bool {
	var failed *temporal.WorkflowExecutionError
	var forgotten *serviceerror.NotFound
	return errors.As(err, &failed) || errors.As(err, &forgotten)
}
