package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/auditflow/auditflow/internal/terminal"
	"github.com/auditflow/auditflow/workflows"
)

// follow waits for the end of a run, tells what it is doing meanwhile, and then
// what it has done.
func (p *program) follow(ctx context.Context, c client.Client, run client.WorkflowRun) error {
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		p.watch(watching, c, run)
	}()
	var report workflows.Report
	err := run.Get(ctx, &report)
	stop()
	<-watched
	if ctx.Err() != nil {
		p.tell("The run goes on without us: workflow %s, run %s.", run.GetID(), run.GetRunID())
		return ctx.Err()
	}
	ended, failed := errors.AsType[*temporal.WorkflowExecutionError](err)
	if err != nil && !failed {
		return &failure{err: fmt.Errorf("wait for %s: %w", run.GetID(), err)}
	}
	if refusal, ok := errors.AsType[*temporal.ApplicationError](err); ok && refusal.HasDetails() {
		_ = refusal.Details(&report) // without them, the error has said what there is
	}
	if err := p.reported(report); err != nil {
		return err
	}
	if failed {
		if err := p.out.to.Flush(); err != nil {
			return err
		}
		return no("%s", cause(ended))
	}
	return nil
}

// cause is what a workflow failed with, without what the SDK adds to it.
func cause(err error) string {
	if refusal, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return refusal.Message()
	}
	return err.Error()
}

// watch tells what a run is doing, whenever that is something else, and which of
// its steps fail. It is a courtesy: what goes wrong here harms nothing.
func (p *program) watch(ctx context.Context, c client.Client, run client.WorkflowRun) {
	var doing, failing string
	for pause(ctx, time.Second) == nil {
		if now := details(ctx, c, run); now != "" && now != doing {
			doing = now
			p.tell("%s", terminal.Escape(doing))
		}
		there, err := c.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
		if err != nil {
			continue
		}
		for _, step := range pendingOf(there) {
			now := fmt.Sprintf("%s failed, attempt %d follows: %s", step.Step, step.Attempt, step.LastFailure)
			if step.LastFailure != "" && now != failing {
				failing = now
				p.tell("%s", terminal.Escape(failing))
			}
		}
	}
}

// queryMetadata is what Temporal's UI asks a workflow for.
const queryMetadata = "__temporal_workflow_metadata"

// details is what the run says in the UI that it is doing: the first line of its
// current details.
func details(ctx context.Context, c client.Client, run client.WorkflowRun) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // a worker may be away
	defer cancel()
	answer, err := c.QueryWorkflow(ctx, run.GetID(), run.GetRunID(), queryMetadata)
	if err != nil {
		return ""
	}
	var metadata sdkpb.WorkflowMetadata
	if answer.Get(&metadata) != nil {
		return ""
	}
	first, _, _ := strings.Cut(metadata.GetCurrentDetails(), "\n")
	return strings.Trim(first, "*")
}

// reported tells what a run has done, period by period.
func (p *program) reported(r workflows.Report) error {
	if !p.out.forPeople() && p.out.format != formatCSV {
		return indented(p.out, r)
	}
	if _, err := list(p.out, outcomeSheet(), all(r.Periods)); err != nil {
		return err
	}
	if r.Summary == "" || !p.out.forPeople() {
		return nil
	}
	gap := ""
	if len(r.Periods) > 0 {
		gap = "\n"
	}
	_, err := fmt.Fprintf(p.out.to, "%s%s\n", gap, terminal.Escape(r.Summary))
	return err
}

func outcomeSheet() sheet[workflows.Outcome] {
	type line = workflows.Outcome
	columns := []column[line]{
		{terminal.Column{Title: "PERIOD"}, func(o *line) terminal.Cell { return terminal.Cell{Text: o.Period} }},
		{terminal.Column{Title: "OUTCOME"}, func(o *line) terminal.Cell {
			word, _, paint := outcomeOf(o)
			return terminal.Cell{Text: word, Paint: paint}
		}},
		{terminal.Column{Title: "WHAT", Least: 20}, func(o *line) terminal.Cell {
			_, what, _ := outcomeOf(o)
			return terminal.Cell{Text: what}
		}},
	}
	return sheet[line]{table: columns, wide: columns, csv: []field[line]{
		{"period", func(o *line) any { return o.Period }},
		{"outcome", func(o *line) any { word, _, _ := outcomeOf(o); return word }},
		{"what", func(o *line) any { _, what, _ := outcomeOf(o); return what }},
	}}
}

func outcomeOf(o *workflows.Outcome) (word, what string, paint terminal.Paint) {
	switch {
	case o.Failed != "":
		return "failed", o.Failed, terminal.Red
	case o.Kept != "":
		return "kept", o.Kept, terminal.Yellow
	}
	return "done", o.Done, terminal.Green
}
