package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	sdkworker "go.temporal.io/sdk/worker"

	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

// run runs a workflow of maintenance as the worker does, its real steps on the
// real database and bucket. Only Temporal's server is not there, whose work is not
// what is measured.
func (k *benchKeeper) run(ctx context.Context, workflow string, policy any) (workflows.Report, error) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(sdkworker.Options{
		BackgroundActivityContext: ctx,
		DeadlockDetectionTimeout:  time.Minute, // writers at full speed take every processor there is
	})
	env.SetStartTime(time.Now().UTC())
	env.SetTestTimeout(15 * time.Minute)
	worker.RegisterMaintenance(env, k.steps)
	env.ExecuteWorkflow(workflow, policy)
	var report workflows.Report
	if err := env.GetWorkflowError(); err != nil {
		return report, fmt.Errorf("%s: %w", workflow, err)
	}
	return report, env.GetWorkflowResult(&report)
}

// did is a report in a line.
func did(r workflows.Report) string {
	kept := 0
	for _, p := range r.Periods {
		if p.Kept != "" {
			kept++
		}
	}
	said := r.Summary
	if kept > 0 {
		said += fmt.Sprintf("; %d kept", kept)
	}
	return strings.TrimSpace(said)
}
