package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// The fast path: one attempt inside the workflow task, so that a healthy
// delivery costs one task and no scheduling. ScheduleToClose must be set: with
// StartToClose alone a time-out fails the workflow. Three seconds is well below
// the workflow task's ten, both steps together included.
func fast(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: 3 * time.Second,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:                summary,
	})
}

// The slow path: retried for ever, each attempt visible in the UI with its last
// failure. StartToClose bounds a stuck connection; the largest record takes
// less than a second. Back-off stops at 20 s, so that deliveries resume within
// 20 s of the server's return.
func slow(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    time.Second,
			BackoffCoefficient: 2,
			MaximumInterval:    20 * time.Second,
			MaximumAttempts:    0, // unlimited: giving up would lose the record
		},
		Summary: summary,
	})
}

// thorough is slow for a batch that is redacted record by record: all of them may
// take all the time that one may.
func thorough(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithStartToCloseTimeout(slow(ctx, summary), 10*time.Minute)
}

// Maintenance: what fails a few times within a run is left to the next one, so
// that a run ends and one period's failure does not keep the others waiting.

// quick is for a look or a statement or two.
func quick(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         patience(6, time.Minute), // a server that restarts is back within that
		Summary:             cut(summary, maxSummary),
	})
}

// steady is for what counts or waits for others: detaching waits for whoever
// still reads the partition.
func steady(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Minute,
		HeartbeatTimeout:    heartbeat,
		RetryPolicy:         patience(6, time.Minute),
		Summary:             cut(summary, maxSummary),
	})
}

// long is for what goes through all rows of a period: ten million take some
// minutes, on a slow bucket hours. Attempts go on where the last one was, so
// there may be more of them: each restart of a worker costs one.
func long(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 12 * time.Hour,
		HeartbeatTimeout:    heartbeat,
		RetryPolicy:         patience(10, 2*time.Minute),
		Summary:             cut(summary, maxSummary),
	})
}

// heartbeat is how long a worker may be silent before another takes over. Steps
// tell of themselves every few seconds; the SDK passes on what is new after
// four fifths of this.
const heartbeat = 30 * time.Second

func patience(attempts int32, longest time.Duration) *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval: 5 * time.Second, BackoffCoefficient: 2, MaximumInterval: longest, MaximumAttempts: attempts,
	}
}
