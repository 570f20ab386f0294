package workflows

import (
	"context"
	"fmt"
	"sync"

	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/activities"
)

// vigil waits for the end of one workflow on behalf of all its records: one of
// those who wait asks Temporal, the others wait for that one. When it leaves,
// another takes its turn.
type vigil struct {
	run    client.WorkflowRun
	client client.Client
	turn   chan struct{} // holds one: whose turn it is to ask
	ended  chan struct{} // closed once done or err is known for good
	once   sync.Once
	done   activities.Delivered
	err    error
}

// wait returns what became of the record in this place.
func (v *vigil) wait(ctx context.Context, place int) (activities.Delivered, error) {
	if err := v.ask(ctx); err != nil {
		return activities.Delivered{}, err
	}
	if id, apart := v.done.Apart[place]; apart {
		return result(ctx, v.client.GetWorkflow(ctx, id, ""))
	}
	if place >= len(v.done.Rows) {
		return activities.Delivered{}, nil // as if it had no row: whoever waits starts it again
	}
	return v.done.Of(place), nil
}

func (v *vigil) ask(ctx context.Context) error {
	select {
	case <-v.ended:
		return v.err
	default:
	}
	select {
	case <-v.ended:
		return v.err
	case <-ctx.Done():
		return fmt.Errorf("wait for %s: %w", v.run.GetID(), context.Cause(ctx))
	case v.turn <- struct{}{}:
	}
	defer func() { <-v.turn }()
	select {
	case <-v.ended:
		return v.err
	default:
	}
	done, err := result(ctx, v.run)
	if err == nil || Ended(err) {
		v.once.Do(func() {
			v.done, v.err = done, err
			close(v.ended)
		})
	}
	return err
}

// result waits for the end of a workflow, until ctx ends.
func result(ctx context.Context, run client.WorkflowRun) (activities.Delivered, error) {
	patient, leave := withoutDeadline(ctx)
	defer leave()
	var done activities.Delivered
	err := run.Get(patient, &done)
	if err != nil && ctx.Err() != nil && !Ended(err) {
		err = context.Cause(ctx) // it was our time that was over
	}
	if err != nil {
		return activities.Delivered{}, fmt.Errorf("wait for %s: %w", run.GetID(), err)
	}
	return done, nil
}

// withoutDeadline ends when ctx does, and does not tell when that will be.
// Temporal answers a poll for the end of a workflow a second before its deadline,
// and at once if that is over; and the SDK then polls again: with a deadline it
// polls as fast as it can for a whole second.
func withoutDeadline(ctx context.Context) (_ context.Context, leave func()) {
	patient, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	return patient, func() {
		stop()
		cancel(nil)
	}
}
