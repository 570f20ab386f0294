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
