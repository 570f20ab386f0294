package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/workflows"
)

// task is a maintenance workflow that somebody wants done now.
type task struct {
	workflows.Schedule
	// change makes an input of its own out of the schedule's; nil leaves it as it is.
	change func(scheduled *commonpb.Payload) (any, error)
}

// scheduled finds what a schedule does in the configuration.
func (u regime) scheduled(id string) task {
	all := u.plan.Schedules()
	i := slices.IndexFunc(all, func(s workflows.Schedule) bool { return s.ID == id })
	return task{Schedule: all[i]}
}

// do has a task done, by the worker, and tells what came of it.
func (p *program) do(ctx context.Context, u regime, t task) error {
	c, err := p.requireTemporal(ctx, u.settings)
	if err != nil {
		return err
	}
	defer c.Close()
	run, err := p.set(ctx, c, t)
	if err != nil {
		return &failure{err: fmt.Errorf("start %s: %w", t.Workflow, err)}
	}
	p.tell("%s: workflow %s, run %s", t.Workflow, run.GetID(), run.GetRunID())
	p.warnIfIdle(ctx, c)
	return p.follow(ctx, c, run)
}

// requireTemporal is for what cannot be done without.
func (p *program) requireTemporal(ctx context.Context, s settings) (client.Client, error) {
	s.temporalGiven = true
	c, err := p.dialTemporal(ctx, s)
	if err != nil {
		return nil, &failure{err, "Hint: say where Temporal is: --temporal-address, or " + variableAddress + "."}
	}
	return c, nil
}

// set sets a task going. Its schedule is triggered, so that its policy about
// overlaps holds and its page in the UI shows the run; only a task that differs
// from it, or one without a schedule, is started beside it.
func (p *program) set(ctx context.Context, c client.Client, t task) (client.WorkflowRun, error) {
	ctx, cancel := context.WithTimeout(ctx, p.flags.timeout)
	defer cancel()
	handle := c.ScheduleClient().GetHandle(ctx, t.ID)
	there, err := handle.Describe(ctx)
	if absent, ok := errors.AsType[*serviceerror.NotFound](err); ok && absent != nil {
		p.tell("There is no schedule %s: starting its workflow as configured here.", t.ID)
		return start(ctx, c, t, nil)
	}
	if err != nil {
		return nil, err
	}
	if t.change != nil {
		return start(ctx, c, t, inputOf(there))
	}
	if running := there.Info.RunningWorkflows; len(running) > 0 {
		p.tell("A run is under way already.")
		return c.GetWorkflow(ctx, running[0].WorkflowID, running[0].FirstExecutionRunID), nil
	}
	if err := handle.Trigger(ctx, client.ScheduleTriggerOptions{}); err != nil {
		return nil, err
	}
	return awaitAction(ctx, c, handle, there.Info)
}

// awaitAction waits for the run that a trigger leads to.
func awaitAction(ctx context.Context, c client.Client, handle client.ScheduleHandle, before client.ScheduleInfo) (client.WorkflowRun, error) {
	for {
		now, err := handle.Describe(ctx)
		if err != nil {
			return nil, err
		}
		for _, action := range slices.Backward(now.Info.RecentActions) {
			began := func(a client.ScheduleActionResult) bool {
				return a.StartWorkflowResult != nil && action.StartWorkflowResult != nil && *a.StartWorkflowResult == *action.StartWorkflowResult
			}
			if action.StartWorkflowResult != nil && !slices.ContainsFunc(before.RecentActions, began) {
				return c.GetWorkflow(ctx, action.StartWorkflowResult.WorkflowID, action.StartWorkflowResult.FirstExecutionRunID), nil
			}
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return nil, fmt.Errorf("wait for the run that schedule %s was asked for: %w", handle.GetID(), err)
		}
	}
}

// inputOf is what a schedule gives its workflow.
func inputOf(there *client.ScheduleDescription) *commonpb.Payload {
	action, ok := there.Schedule.Action.(*client.ScheduleWorkflowAction)
	if !ok || len(action.Args) == 0 {
		return nil
	}
	payload, _ := action.Args[0].(*commonpb.Payload)
	return payload
}

// changed changes the input that a schedule has, or, without one, what is
// configured here.
func changed[T any](configured T, change func(*T)) func(*commonpb.Payload) (any, error) {
	return func(scheduled *commonpb.Payload) (any, error) {
		input := configured
		if scheduled != nil {
			if err := converter.GetDefaultDataConverter().FromPayload(scheduled, &input); err != nil {
				return nil, fmt.Errorf("read what the schedule does: %w", err)
			}
		}
		change(&input)
		return input, nil
	}
}

// start starts a task's workflow. Of two people who want the same at the same
// time, the second joins the run of the first.
func start(ctx context.Context, c client.Client, t task, scheduled *commonpb.Payload) (client.WorkflowRun, error) {
	options, err := t.Options()
	if err != nil {
		return nil, err
	}
	input := t.Policy
	if t.change != nil {
		if input, err = t.change(scheduled); err != nil {
			return nil, err
		}
	}
	action := options.Action.(*client.ScheduleWorkflowAction) // it has no other
	return c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: t.ID + "-by-hand", TaskQueue: action.TaskQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            action.StaticSummary, StaticDetails: action.StaticDetails,
	}, t.Workflow, input)
}

// warnIfIdle tells when no worker would take the run on.
func (p *program) warnIfIdle(ctx context.Context, c client.Client) {
	ctx, cancel := context.WithTimeout(ctx, p.flags.timeout)
	defer cancel()
	queue, err := c.DescribeTaskQueue(ctx, workflows.QueueMaintenance, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	if err == nil && len(queue.GetPollers()) == 0 {
		p.tell("No worker is at work on %s: the run waits until there is one (maintenance.enabled in its configuration).", workflows.QueueMaintenance)
	}
}

// quietClient makes a client whose log nobody sees: what matters is told.
func quietClient(c temporalclient.Config) (client.Client, error) {
	return temporalclient.Dial(c, slog.New(slog.DiscardHandler))
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// doOrPlan has a schedule run now or, dry, tells what that would do.
func (p *program) doOrPlan(dry *bool, schedule string, plan func(context.Context, *keeping) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		u, err := p.upkeep()
		if err != nil {
			return err
		}
		if !*dry {
			return p.do(cmd.Context(), u, u.scheduled(schedule))
		}
		return p.withKeeping(cmd.Context(), u, needs{database: true}, func(k *keeping) error { return plan(cmd.Context(), k) })
	}
}
