//go:build pgtemporal

package world

import (
	"context"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// running waits until Temporal answers that the workflow runs.
func running(t *testing.T, c client.Client, id string) {
	t.Helper()
	eventually(t, id+" is known to run", func() (bool, error) {
		d, err := c.DescribeWorkflowExecution(t.Context(), id, "")
		return d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, err
	})
}

func startNamed(t *testing.T, c client.Client, id string) {
	t.Helper()
	if _, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: "nobody-listens"}, "AnyWorkflow"); err != nil {
		t.Fatal(err)
	}
}

func TestTemporalWithAPostgreSQLOfItsOwnOutlivesThatOfTheAudit(t *testing.T) {
	w, err := Start(t.Context(), Options{Temporal: true, PostgreSQL: true, TemporalStore: TemporalOnItsOwnPostgreSQL, Progress: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	})
	c, err := client.Dial(client.Options{HostPort: w.Temporal.Address})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := w.Postgres.Kill(); err != nil {
		t.Fatal(err)
	}
	startNamed(t, c, "while the audit's is away")
	for what, away := range map[string]func(context.Context) error{
		"Temporal stops":         w.Temporal.Stop,
		"Temporal is killed":     func(context.Context) error { w.Temporal.Kill(); return nil },
		"its database is killed": func(context.Context) error { return w.Temporal.Store.Kill() },
	} {
		if err := away(t.Context()); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if err := w.Temporal.Store.Start(t.Context()); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if err := w.Temporal.Start(t.Context()); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		running(t, c, "while the audit's is away")
	}
	startNamed(t, c, "after all that")
}

func TestTemporalBesideTheAuditFindsItsStateInTheNextWorld(t *testing.T) {
	o := Options{Dir: t.TempDir(), Temporal: true, PostgreSQL: true, TemporalStore: TemporalOnPostgreSQL, Progress: t.Logf}
	for life := range 2 {
		w, err := Start(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		c, err := client.Dial(client.Options{HostPort: w.Temporal.Address})
		if err != nil {
			t.Fatal(err)
		}
		if life == 0 {
			startNamed(t, c, "survivor")
		}
		running(t, c, "survivor")
		if w.Temporal.Store != w.Postgres || queryRow(t, w.Postgres.url("temporal"), `SELECT count(*)::text FROM current_executions`) == "0" {
			t.Error("its state is not in the PostgreSQL of the world")
		}
		c.Close()
		if err := w.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}
