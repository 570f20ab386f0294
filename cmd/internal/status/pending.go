package status

import (
	"context"
	"fmt"
	"slices"
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/auditflow/auditflow/workflows"
)

// running are the deliveries that are under way.
const running = "WorkflowType = '" + workflows.TypeDeliverAudit + "' AND ExecutionStatus = 'Running'"

func (r Reader) pending(ctx context.Context) (p Pending, err error) {
	if p.Deliveries, err = r.count(ctx, running); err != nil || p.Deliveries == 0 {
		return p, err
	}
	first, err := r.oldest(ctx, p.Deliveries)
	if first == nil || err != nil {
		return p, err
	}
	execution := first.GetExecution()
	there, err := r.Temporal.DescribeWorkflowExecution(ctx, execution.GetWorkflowId(), execution.GetRunId())
	if err != nil {
		return p, fmt.Errorf("ask Temporal for %s: %w", execution.GetWorkflowId(), err)
	}
	started := first.GetStartTime().AsTime()
	p.Oldest = &Oldest{WorkflowID: execution.GetWorkflowId(), StartedAt: started, AgeSeconds: r.Now().Sub(started).Seconds()}
	for _, step := range there.GetPendingActivities() {
		p.Oldest.Step, p.Oldest.Attempt = step.GetActivityType().GetName(), int(step.GetAttempt())
		p.Oldest.LastFailure = step.GetLastFailure().GetMessage()
	}
	return p, nil
}

func (r Reader) count(ctx context.Context, query string) (int64, error) {
	counted, err := r.Temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	if err != nil {
		return 0, fmt.Errorf("count deliveries under way: %w", err)
	}
	return counted.GetCount(), nil
}

// handful is how many deliveries are listed to find the oldest among them.
const handful = 100

// oldest finds the delivery that was started first. Temporal lists the latest
// first, and not every visibility store sorts otherwise; but all of them count.
func (r Reader) oldest(ctx context.Context, all int64) (*workflowpb.WorkflowExecutionInfo, error) {
	if all <= handful {
		return r.firstOf(ctx, running)
	}
	before, err := first(r.Now(), all, func(t time.Time) (int64, error) { return r.count(ctx, startedBefore(t)) })
	if err != nil {
		return nil, err
	}
	return r.firstOf(ctx, startedBefore(before))
}

// first searches the time before which the first handful was started, with some
// twenty counts: back by longer and longer steps until there is none before, and
// then between. It goes down to the second: of a burst within one, any of those
// that are listed will do.
func first(now time.Time, all int64, startedBefore func(time.Time) (int64, error)) (time.Time, error) {
	high := now.Add(time.Hour) // whatever our clock says, all were started before
	low, n := high, all
	var err error
	for step := time.Minute; n > 0 && low.Year() > 1970; step *= 4 {
		low = high.Add(-step)
		if n, err = startedBefore(low); n > 0 {
			high, all = low, n
		}
	}
	for err == nil && all > handful && high.Sub(low) > time.Second {
		middle := low.Add(high.Sub(low) / 2)
		if n, err = startedBefore(middle); n == 0 {
			low = middle
		} else {
			high, all = middle, n
		}
	}
	return high, err
}

func startedBefore(t time.Time) string {
	return fmt.Sprintf("%s AND StartTime < '%s'", running, t.UTC().Format(time.RFC3339Nano))
}

// firstOf is nil when the deliveries have ended since they were counted.
func (r Reader) firstOf(ctx context.Context, query string) (*workflowpb.WorkflowExecutionInfo, error) {
	listed, err := r.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: handful})
	if err != nil {
		return nil, fmt.Errorf("list deliveries under way: %w", err)
	}
	if len(listed.GetExecutions()) == 0 {
		return nil, nil
	}
	return slices.MinFunc(listed.GetExecutions(), func(a, b *workflowpb.WorkflowExecutionInfo) int {
		return a.GetStartTime().AsTime().Compare(b.GetStartTime().AsTime())
	}), nil
}
