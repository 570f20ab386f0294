package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/workflows"
)

// Config bounds one worker process. Zero means the default.
type Config struct {
	// WorkflowTasks and Activities are how many run at once; each may hold one
	// record in memory. Default 64 each.
	WorkflowTasks int
	Activities    int
	// DrainTimeout is how long running tasks may finish after a stop. What has
	// not finished then is tried again by another worker. Default 20 s.
	DrainTimeout time.Duration
	// Deployment is the version of this worker.
	Deployment Deployment
}

func (c Config) withDefaults() Config {
	if c.WorkflowTasks == 0 {
		c.WorkflowTasks = 64
	}
	if c.Activities == 0 {
		c.Activities = 64
	}
	if c.DrainTimeout == 0 {
		c.DrainTimeout = 20 * time.Second
	}
	return c
}

// pollers ask for tasks of a kind at once. Each gets one task per round trip, so
// that what a worker takes in a second is this many divided by how long Temporal
// takes to answer. The SDK's two are enough while it answers in milliseconds; when
// it is busy, after an outage, it needs a few hundred, and two would make the
// worker wait for it, and the backlog for both.
const pollers = 16

// Run works until ctx ends, then takes no new tasks, lets the running ones
// finish, and returns. An error means that the worker could not go on.
func Run(ctx context.Context, c client.Client, cfg Config, deliver *activities.Deliver) error {
	cfg = cfg.withDefaults()
	return work(ctx, c, workflows.QueueDelivery, worker.Options{
		MaxConcurrentWorkflowTaskExecutionSize:  cfg.WorkflowTasks,
		MaxConcurrentLocalActivityExecutionSize: cfg.WorkflowTasks, // a delivery runs them inside its task
		MaxConcurrentActivityExecutionSize:      cfg.Activities,
		MaxConcurrentWorkflowTaskPollers:        pollers,
		MaxConcurrentActivityTaskPollers:        pollers,
		WorkerStopTimeout:                       cfg.DrainTimeout,
		DeploymentOptions:                       cfg.Deployment.options(),
	}, func(r Registry) { Register(r, deliver) })
}

// work runs one worker on one task queue.
func work(ctx context.Context, c client.Client, queue string, options worker.Options, register func(Registry)) error {
	failed := make(chan error, 1)
	options.DisableRegistrationAliasing = true
	options.OnFatalError = func(err error) {
		select {
		case failed <- err:
		default: // the first one tells
		}
	}
	w := worker.New(c, queue, options)
	register(w)
	if err := w.Start(); err != nil {
		return fmt.Errorf("start worker on %s: %w", queue, err)
	}
	defer w.Stop()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return errors.Join(fmt.Errorf("worker on %s stopped", queue), err)
	}
}

// Registry is what workflows and activities are registered with: a worker or a
// test environment.
type Registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
	RegisterActivityWithOptions(a any, options activity.RegisterOptions)
}

// Register makes everything known under the names histories remember.
func Register(r Registry, deliver *activities.Deliver) {
	r.RegisterWorkflowWithOptions(workflows.DeliverAudit, workflow.RegisterOptions{Name: workflows.TypeDeliverAudit})
	r.RegisterActivityWithOptions(deliver.Redact, activity.RegisterOptions{Name: workflows.ActivityRedact})
	r.RegisterActivityWithOptions(deliver.RedactEach, activity.RegisterOptions{Name: workflows.ActivityRedactEach})
	r.RegisterActivityWithOptions(deliver.Persist, activity.RegisterOptions{Name: workflows.ActivityPersist})
}
