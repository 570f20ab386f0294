package workflows

import (
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/activities"
)

// Report is what a maintenance workflow has to say at its end: what was done,
// and what was not and why. One that failed has it in its failure's details.
type Report struct {
	Summary string `json:"summary"`
	// Periods are those with which something was done or had to be, in their order.
	Periods []Outcome `json:"periods,omitempty"`
}

// Outcome is what became of one period: one of Done, Kept and Failed says so.
type Outcome struct {
	Period string `json:"period"`
	Done   string `json:"done,omitempty"`
	Kept   string `json:"kept,omitempty"`
	Failed string `json:"failed,omitempty"`
}

// failureIncomplete is the type of the failure of a run that did all it could.
const failureIncomplete = "incomplete"

// maxFailure bounds what a report says of one failure, in bytes.
const maxFailure = 1000

// journal writes the report of a run while it goes on.
type journal struct {
	task   string
	now    string // what it is doing
	report Report
	failed int
}

func (j *journal) done(period, format string, args ...any) {
	j.report.Periods = append(j.report.Periods, Outcome{Period: period, Done: fmt.Sprintf(format, args...)})
}

func (j *journal) kept(period, why string) {
	j.report.Periods = append(j.report.Periods, Outcome{Period: period, Kept: why})
}

func (j *journal) fail(period string, err error) {
	j.failed++
	j.report.Periods = append(j.report.Periods, Outcome{Period: period, Failed: cut(reason(err), maxFailure)})
}

// reason is what the step said, without what the SDK and the retries add to it.
func reason(err error) string {
	if failure := new(temporal.ApplicationError); errors.As(err, &failure) {
		return failure.Message()
	}
	return err.Error()
}

// tell shows in the UI what the run is doing and what it has done.
func (j *journal) tell(ctx workflow.Context, format string, args ...any) {
	j.now = fmt.Sprintf(format, args...)
	workflow.SetCurrentDetails(ctx, j.details())
}

func (j *journal) details() string {
	const shown = 20
	first := max(0, len(j.report.Periods)-shown)
	lines := []string{"**" + plain(j.now) + "**", ""}
	if first > 0 {
		lines = append(lines, fmt.Sprintf("… %d before", first))
	}
	for _, o := range j.report.Periods[first:] {
		lines = append(lines, o.line())
	}
	return cut(strings.Join(lines, "\n")+"\n", maxDetails)
}

// line is the outcome as a list item in Markdown.
func (o Outcome) line() string {
	switch {
	case o.Failed != "":
		return fmt.Sprintf("- `%s` **failed**: %s", o.Period, said(o.Failed))
	case o.Kept != "":
		return fmt.Sprintf("- `%s` kept: %s", o.Period, plain(o.Kept))
	default:
		return fmt.Sprintf("- `%s` %s", o.Period, plain(o.Done))
	}
}

// end is the end of a run that went through everything: an error if anything
// failed, so that it is red in the UI.
func (j *journal) end(ctx workflow.Context, format string, args ...any) (Report, error) {
	if err := ctx.Err(); err != nil {
		return j.report, err
	}
	j.report.Summary = fmt.Sprintf(format, args...)
	outcome := activities.OutcomeDone
	if j.failed > 0 {
		outcome = activities.OutcomeFailed
		j.report.Summary = fmt.Sprintf("%d failed; %s", j.failed, j.report.Summary)
	}
	j.tell(ctx, "%s", j.report.Summary)
	counted := workflow.ExecuteLocalActivity(fast(ctx, "count the run"), ActivityCountRun, j.task, outcome)
	if err := counted.Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Warn("run not counted", "task", j.task, "error", err)
	}
	if j.failed > 0 {
		return j.report, temporal.NewApplicationErrorWithOptions(j.complaint(), failureIncomplete,
			temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{j.report}})
	}
	return j.report, nil
}

// complaint counts what failed and quotes the first of it.
func (j *journal) complaint() string {
	for _, o := range j.report.Periods {
		if o.Failed != "" {
			return fmt.Sprintf("%s; first %s: %s", j.report.Summary, o.Period, o.Failed)
		}
	}
	return j.report.Summary
}

// later tells of what is left to the next run.
func later(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %d more are left to the next run", n)
}

// do runs one step and returns what it says.
func do[T any](ctx workflow.Context, step string, args ...any) (result T, err error) {
	err = workflow.ExecuteActivity(ctx, step, args...).Get(ctx, &result)
	return result, err
}
