package status

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/auditflow/auditflow/workflows"
)

// Forgotten is the outcome of a run that Temporal no longer knows.
const Forgotten = "Forgotten"

func (r Reader) schedules(ctx context.Context) (all []*Schedule, err error) {
	for _, id := range workflows.Tasks() {
		s, err := r.schedule(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("ask Temporal for schedule %s: %w", id, err)
		}
		all = append(all, s)
	}
	return all, nil
}

func (r Reader) schedule(ctx context.Context, id string) (*Schedule, error) {
	s := &Schedule{ID: id}
	there, err := r.Temporal.ScheduleClient().GetHandle(ctx, id).Describe(ctx)
	if isNotFound(err) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	s.Exists, s.Paused, s.Note = true, there.Schedule.State.Paused, there.Schedule.State.Note
	if next := there.Info.NextActionTimes; len(next) > 0 && !s.Paused {
		s.NextRun = next[0].UTC()
	}
	if recent := there.Info.RecentActions; len(recent) > 0 {
		s.LastRun, err = r.run(ctx, recent[len(recent)-1])
	}
	return s, err
}

// run tells how the run ended that a schedule began.
func (r Reader) run(ctx context.Context, action client.ScheduleActionResult) (*Run, error) {
	run := &Run{StartedAt: action.ActualTime.UTC(), Outcome: Forgotten}
	if action.StartWorkflowResult == nil {
		return run, nil
	}
	run.WorkflowID, run.RunID = action.StartWorkflowResult.WorkflowID, action.StartWorkflowResult.FirstExecutionRunID
	there, err := r.Temporal.DescribeWorkflowExecution(ctx, run.WorkflowID, run.RunID)
	if isNotFound(err) {
		return run, nil
	}
	if err != nil {
		return nil, err
	}
	status := there.GetWorkflowExecutionInfo().GetStatus()
	run.Outcome = status.String()
	if status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		run.Summary = r.said(ctx, run)
	}
	return run, nil
}

// said is what a run that ended had to say: the summary of its report, which one
// that failed has in its failure.
func (r Reader) said(ctx context.Context, run *Run) string {
	var report workflows.Report
	err := r.Temporal.GetWorkflow(ctx, run.WorkflowID, run.RunID).Get(ctx, &report)
	if failure, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return failure.Message()
	}
	return report.Summary
}

func isNotFound(err error) bool {
	absent, ok := errors.AsType[*serviceerror.NotFound](err)
	return ok && absent != nil
}
