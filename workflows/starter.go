package workflows

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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
// fields but Eager are required.
type Starter struct {
	Client client.Client
	// Sealer seals the record before it leaves the process.
	Sealer *seal.Sealer
	// Redactor masks the names that go in clear: summary and search attributes.
	Redactor *redact.Redactor
	// Eager, if set, is the client of a worker that runs in this process, nil while
	// there is none. A start through it brings the first task in its answer, which
	// saves the way through the task queue; when the worker is busy or the server
	// will not, it is a start as any other.
	Eager func() client.Client
}

// Delivery is a started workflow that ends when its row is committed.
type Delivery struct {
	run    client.WorkflowRun
	joined bool
	end    *vigil    // shared with the other records of a batch; nil: there are none
	place  int       // among them
	late   *lateness // of those that its batcher started; nil: nobody counts
	since  time.Time // that it was started, if somebody does
}

// DeliveryOf is the delivery that a run of [DeliverAudit] carries out, whoever
// started it.
func DeliveryOf(run client.WorkflowRun) Delivery { return Delivery{run: run} }

// Joined tells that the workflow was there before. If it is of one record, that
// may be another one; a batch is the same if its id is.
func (d Delivery) Joined() bool { return d.joined }

// ID is the workflow id, to be found in the Temporal UI and, later, in the row's
// delivered_by.
func (d Delivery) ID() string { return d.run.GetID() }

// RunID is the run of the workflow that it is.
func (d Delivery) RunID() string { return d.run.GetRunID() }

// Wait returns once the row is committed, and tells of this record's only. A
// workflow that somebody terminated or whose history is gone is an error; starting
// it again is harmless.
func (d Delivery) Wait(ctx context.Context) (activities.Delivered, error) {
	if d.late != nil {
		defer d.late.watch(d.since)()
	}
	if d.end != nil {
		return d.end.wait(ctx, d.place)
	}
	return result(ctx, d.run)
}

// Start returns once Temporal has the record durably. Starting the same
// execution again, also after it was delivered, joins the delivery there is.
//
// An invalid record is refused with all its faults; any other error is
// Temporal's and worth a retry. Neither holds content.
func (s *Starter) Start(ctx context.Context, r audit.Record) (Delivery, error) {
	d, _, err := s.StartAs(ctx, DeliveryOfRecord(r), r)
	return d, err
}

// StartAs is [Starter.Start] under a workflow id of the caller's, which lies in
// clear text for ever. It tells, too, whether it joined a delivery that was there
// before, maybe with another record.
func (s *Starter) StartAs(ctx context.Context, id string, r audit.Record) (d Delivery, joined bool, err error) {
	if err := r.Validate(); err != nil {
		return Delivery{}, false, fmt.Errorf("record %s: %w", r.ID, err)
	}
	envelope, err := s.Sealer.Seal([]audit.Record{r}, seal.Observed, id)
	if err != nil {
		return Delivery{}, false, fmt.Errorf("seal record %s: %w", r.ID, err)
	}
	run, joined, err := s.execute(ctx, id, envelope, labels{s.label(r)})
	if err != nil {
		return Delivery{}, false, err
	}
	return Delivery{run: run, joined: joined}, joined, err
}

// execute starts the workflow, or finds it if it was there before.
func (s *Starter) execute(ctx context.Context, id string, envelope []byte, about labels) (run client.WorkflowRun, joined bool, err error) {
	if len(envelope) > maxEnvelope {
		return nil, false, fmt.Errorf("start %s: %w: %d bytes", id, ErrTooLarge, len(envelope))
	}
	through, eager := s.through()
	if eager {
		var heard context.CancelFunc
		ctx, heard = untilHeard(ctx)
		defer heard()
	}
	run, err = through.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:        id,
		TaskQueue: QueueDelivery,
		// A finished delivery is returned as it is; one that somebody cancelled
		// or terminated starts anew. Past the namespace's retention Temporal no
		// longer knows the id; then the primary key holds.
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		// Failing is how Temporal tells that it was there; we join it then.
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		EnableEagerStart:                         eager,

		TypedSearchAttributes: about.attributes(),
		StaticSummary:         about.summary(),
		StaticDetails:         about.details(),
	}, TypeDeliverAudit, envelope)
	var there *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &there) {
		return s.Client.GetWorkflow(ctx, id, there.RunId), true, nil
	}
	if tooLarge(err) {
		return nil, false, fmt.Errorf("start %s: %w: %w", id, ErrTooLarge, err)
	}
	if err != nil {
		return nil, false, fmt.Errorf("start %s: %w", id, err)
	}
	return run, false, nil
}

// tooLarge tells that a server whose limit is lower than usual refused the envelope.
// What else is invalid may be valid in a moment: a server does not know search
// attributes at once that were just registered.
func tooLarge(err error) bool {
	var refused *serviceerror.InvalidArgument
	return errors.As(err, &refused) && strings.Contains(strings.ToLower(refused.Message), "size exceeds limit")
}

// through is the client to start with.
func (s *Starter) through() (c client.Client, eager bool) {
	if s.Eager != nil {
		if c := s.Eager(); c != nil {
			return c, true
		}
	}
	return s.Client, false
}

// eagerTimeout bounds an eager start whose caller sets no bound.
const eagerTimeout = 10 * time.Second

// untilHeard ends at ctx's deadline, and not before: the first task lies in the
// answer to an eager start, and would be lost with an answer that a program that
// is asked to stop does not wait for. It would come again, but only after 10 s.
func untilHeard(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(eagerTimeout)
	}
	return context.WithDeadline(context.WithoutCancel(ctx), deadline)
}

// ErrTooLarge says that no server takes an envelope of this size, or that this one
// does not.
var ErrTooLarge = errors.New("the sealed record is too large for Temporal")

// Ended tells that the workflow an error of [Delivery.Wait] speaks of is over,
// or forgotten, without having committed its rows. Then the record must be
// started again; other errors are worth another wait.
func Ended(err error) bool {
	var failed *temporal.WorkflowExecutionError
	var forgotten *serviceerror.NotFound
	return errors.As(err, &failed) || errors.As(err, &forgotten)
}
