package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/workflows"
)

// Accepted is the answer about a record that Temporal has.
type Accepted struct {
	ID         string `json:"id"` // of the row
	WorkflowID string `json:"workflow_id"`
	// Status is started: Temporal has it; or persisted, or quarantined, if the
	// client waited for that.
	Status string `json:"status"`
	// Partition holds the row, and Outcome is stored or duplicate, once it is
	// persisted.
	Partition string        `json:"partition,omitempty"`
	Outcome   audit.Outcome `json:"outcome,omitempty"`
}

// deliver starts the delivery of a record, maybe in company, or joins the one
// there is if that is of the same record.
func (d *door) deliver(ctx context.Context, r audit.Record, key idempotency) (workflows.Delivery, *Problem) {
	ctx, cancel := context.WithTimeout(ctx, d.limits.StartTimeout)
	defer cancel()
	if key.key == "" {
		delivery, err := d.batcher.Start(ctx, r)
		return d.started(ctx, r, key, workflows.Started{Delivery: delivery, Err: err})
	}
	delivery, _, err := d.starter.StartAs(ctx, key.workflowID(r), r) // its own id is what the key is kept in
	return d.started(ctx, r, key, workflows.Started{Delivery: delivery, Err: err})
}

// started judges a start. Of a record that went in company nobody can tell yet
// whether another one of its execution is there: that shows when it is persisted.
func (d *door) started(ctx context.Context, r audit.Record, key idempotency, s workflows.Started) (workflows.Delivery, *Problem) {
	switch {
	case s.Err != nil:
		return s.Delivery, d.startProblem(ctx, s.Err)
	case !s.Delivery.Joined():
		d.metrics.records.WithLabelValues("started").Inc()
		return s.Delivery, nil
	case workflows.IsBatch(s.Delivery.ID()): // the id is made of the records: it is the same batch again
		d.metrics.records.WithLabelValues("joined").Inc()
		return s.Delivery, nil
	}
	before, err := d.startedWith(ctx, s.Delivery)
	if err != nil {
		return s.Delivery, d.startProblem(ctx, err)
	}
	if !same(before, r) {
		d.metrics.records.WithLabelValues("conflict").Inc()
		return s.Delivery, key.conflict()
	}
	d.metrics.records.WithLabelValues("joined").Inc()
	return s.Delivery, nil
}

// startedWith opens what a delivery was started with. Temporal tells only that
// the workflow id is taken; whether by the same record, only the record tells.
func (d *door) startedWith(ctx context.Context, delivery workflows.Delivery) (audit.Record, error) {
	history := d.starter.Client.GetWorkflowHistory(ctx, delivery.ID(), delivery.RunID(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	first, err := history.Next()
	if err != nil {
		return audit.Record{}, fmt.Errorf("read how %s began: %w", delivery.ID(), err)
	}
	input := first.GetWorkflowExecutionStartedEventAttributes().GetInput()
	var envelope []byte
	if err := converter.GetDefaultDataConverter().FromPayloads(input, &envelope); err != nil {
		return audit.Record{}, fmt.Errorf("read how %s began: its input is not an envelope", delivery.ID())
	}
	records, err := d.starter.Sealer.Open(envelope, seal.Observed, delivery.ID())
	if err != nil {
		return audit.Record{}, fmt.Errorf("read how %s began: %w", delivery.ID(), err)
	}
	if len(records) != 1 {
		return audit.Record{}, fmt.Errorf("read how %s began: %d records in its envelope", delivery.ID(), len(records))
	}
	return records[0], nil
}

// same compares two records as they would be stored. Of two that told no time
// the first one's receipt counts.
func same(before, now audit.Record) bool {
	if received(before) && received(now) {
		now.CreatedAt = before.CreatedAt
	}
	return before.Normalise().Digest() == now.Normalise().Digest()
}

// startProblem is what a client may know of an error of Temporal's.
func (d *door) startProblem(ctx context.Context, err error) *Problem {
	if errors.Is(err, workflows.ErrTooLarge) {
		d.complain(ctx, "Temporal refuses a record", err)
		return problem(http.StatusRequestEntityTooLarge, "too-large", "The record is too large", "Temporal does not take an envelope of its size")
	}
	d.complain(ctx, "no answer from Temporal", err)
	return unavailable("Temporal did not confirm it in time: send the same again, which is harmless")
}

// await waits until the row is committed, within the limit for waiting.
func (d *door) await(ctx context.Context, delivery workflows.Delivery, a Accepted) (int, Accepted, *Problem) {
	ctx, cancel := context.WithTimeout(ctx, d.limits.WaitTimeout)
	defer cancel()
	done, err := delivery.Wait(ctx)
	switch {
	case err != nil && workflows.Ended(err):
		return 0, a, unavailable("somebody ended its delivery: send the same again, which begins another one")
	case err != nil || len(done.Rows) != 1:
		return http.StatusAccepted, a, nil // it goes on, whoever waits
	}
	row := done.Rows[0]
	switch row.Outcome {
	case audit.OutcomeConflict:
		return 0, a, idempotency{}.conflict()
	case audit.OutcomeQuarantined:
		a.Status = "quarantined"
		return http.StatusAccepted, a, nil
	}
	a.Status, a.Partition, a.Outcome = "persisted", row.Partition, row.Outcome
	return http.StatusCreated, a, nil
}
