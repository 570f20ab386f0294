package worker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

// schedules reads the gauges of one schedule until they say what is wanted.
type schedules struct {
	*worker.ScheduleGauges
	registry *prometheus.Registry
	of       workflows.Schedule
}

// values are the samples that there are, without what all their names have.
func (s schedules) values(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		values[strings.TrimPrefix(f.GetName(), "auditflow_schedule_")] = f.GetMetric()[0].GetGauge().GetValue() + f.GetMetric()[0].GetCounter().GetValue()
	}
	return values
}

func (s schedules) eventually(t *testing.T, what string, as func(map[string]float64) bool) {
	t.Helper()
	eventually(t, what, func() bool {
		if err := s.Read(t.Context(), temporal, servers.Temporal.Namespace, s.of); err != nil {
			t.Fatal(err)
		}
		return as(s.values(t))
	})
}

func TestTheGaugesOfAScheduleFollowItsRuns(t *testing.T) {
	t.Parallel()
	s := schedules{registry: prometheus.NewRegistry(), of: schedule(t)}
	s.ScheduleGauges = worker.NewScheduleGauges(s.registry)
	s.of.Cron, s.of.Workflow = "7 * * * *", t.Name() // nobody works on these
	s.eventually(t, "one that is not there counts as paused, and has no age", func(v map[string]float64) bool {
		_, age := v["age_seconds"]
		return v["paused"] == 1 && !age
	})
	converge(t, s.of, "created")
	s.eventually(t, "the age of one that never ran is its own", func(v map[string]float64) bool {
		age, known := v["age_seconds"]
		return known && age < 60 && v["paused"] == 0 && v["interval_seconds"] == 3600 && v["last_run_failed"] == 0
	})

	start := func(id string) client.WorkflowRun {
		run, err := temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: s.of.ID + id, TaskQueue: s.of.ID}, s.of.Workflow)
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	failed := start("-1")
	if err := temporal.TerminateWorkflow(t.Context(), failed.GetID(), "", "as if it had failed"); err != nil {
		t.Fatal(err)
	}
	s.eventually(t, "a run that failed", func(v map[string]float64) bool { return v["last_run_failed"] == 1 })

	w := sdkworker.New(temporal, s.of.ID, sdkworker.Options{})
	w.RegisterWorkflowWithOptions(func(workflow.Context) error { return nil }, workflow.RegisterOptions{Name: s.of.Workflow})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	if err := start("-2").Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	ended := time.Now()
	s.eventually(t, "a run that did all", func(v map[string]float64) bool {
		return v["last_run_failed"] == 0 && v["age_seconds"] <= time.Since(ended).Seconds()+1
	})
	if err := temporal.ScheduleClient().GetHandle(t.Context(), s.of.ID).Pause(t.Context(), client.SchedulePauseOptions{}); err != nil {
		t.Fatal(err)
	}
	s.eventually(t, "a pause", func(v map[string]float64) bool { return v["paused"] == 1 && v["interval_seconds"] == 3600 })

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Read(gone, temporal, servers.Temporal.Namespace, s.of); err == nil {
		t.Error("read without an answer")
	}
	if v := s.values(t); len(v) != 1 || v["read_failures_total"] != 1 {
		t.Errorf("what is not known has samples: %v", v)
	}
}
