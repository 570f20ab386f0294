package client

import (
	"context"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/workflows"
)

// Deliverer delivers records: a [Client], or package clienttest's in memory.
type Deliverer interface {
	Deliver(ctx context.Context, r audit.Record) (Delivery, error)
}

var _ Deliverer = (*Client)(nil)

// Delivery is a record that Temporal has: its row will be written, whether or not
// anybody waits for it.
type Delivery struct {
	id, workflowID string
	wait           func(context.Context) (audit.Receipt, error)
}

// NewDelivery is for other implementations of [Deliverer].
func NewDelivery(id, workflowID string, wait func(context.Context) (audit.Receipt, error)) Delivery {
	return Delivery{id, workflowID, wait}
}

// ID is the row's.
func (d Delivery) ID() string { return d.id }

// WorkflowID is to be found in the Temporal UI, and in the row's delivered_by.
func (d Delivery) WorkflowID() string { return d.workflowID }

// Wait returns once the row is committed, and fails when ctx ends. It may be
// called any number of times; the delivery goes on without it.
//
// The outcome of the receipt is stored, or duplicate for a record that was there
// already; conflict if another record of the same execution is there, which
// stays; quarantined if PostgreSQL cannot hold it. While Temporal remembers an
// earlier delivery of the execution, the receipt is that one's.
func (d Delivery) Wait(ctx context.Context) (audit.Receipt, error) { return d.wait(ctx) }

// await waits for one row of a delivery, which may have others.
func await(ctx context.Context, started workflows.Delivery, id string) (audit.Receipt, error) {
	done, err := started.Wait(ctx)
	if err != nil {
		return audit.Receipt{}, waitError(ctx, err)
	}
	for _, row := range done.Rows {
		if row.ID == id {
			return row, nil
		}
	}
	return audit.Receipt{}, endedWithout(started.ID(), id)
}
