package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/workflows"
)

const (
	// schedulesEvery is how old what the gauges say may be.
	schedulesEvery = 30 * time.Second
	// schedulePatience is for all questions about one schedule.
	schedulePatience = 10 * time.Second
)

// ScheduleGauges tell how the schedules do. They ask Temporal from time to time,
// for what a worker has seen itself is forgotten with its next start. Several
// workers tell the same.
type ScheduleGauges struct {
	age, interval, paused, failed *prometheus.GaugeVec
	failures                      prometheus.Counter
}

// NewScheduleGauges makes the gauges and registers them. They have samples once
// [ScheduleGauges.Watch] has asked.
func NewScheduleGauges(r prometheus.Registerer) *ScheduleGauges {
	ofTask := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"task"})
	}
	g := &ScheduleGauges{
		age: ofTask("auditflow_schedule_age_seconds",
			"Time since the end of the last run of the task that did all it had to, or since the schedule was created if there is none; absent while Temporal does not answer"),
		interval: ofTask("auditflow_schedule_interval_seconds", "Time between the next two runs of the schedule"),
		paused:   ofTask("auditflow_schedule_paused", "1 while the schedule is paused or is not there, else 0"),
		failed:   ofTask("auditflow_schedule_last_run_failed", "1 when the last run of the task that ended did not do all it had to, else 0"),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "auditflow_schedule_read_failures_total", Help: "Questions about schedules that Temporal did not answer in time",
		}),
	}
	r.MustRegister(g.age, g.interval, g.paused, g.failed, g.failures)
	return g
}

// Watch asks about the schedules until ctx ends.
func (g *ScheduleGauges) Watch(ctx context.Context, c client.Client, namespace string, schedules []workflows.Schedule, log *slog.Logger) {
	tick := time.NewTicker(schedulesEvery)
	defer tick.Stop()
	for {
		for _, s := range schedules {
			if err := g.Read(ctx, c, namespace, s); err != nil && ctx.Err() == nil {
				log.Warn("schedule not read", "schedule", s.ID, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Read asks about one schedule. What Temporal does not tell has no sample.
func (g *ScheduleGauges) Read(ctx context.Context, c client.Client, namespace string, s workflows.Schedule) error {
	ctx, cancel := context.WithTimeout(ctx, schedulePatience)
	defer cancel()
	f, err := factsOf(ctx, c, namespace, s)
	if err != nil {
		g.failures.Inc()
		for _, gauge := range []*prometheus.GaugeVec{g.age, g.interval, g.paused, g.failed} {
			gauge.DeleteLabelValues(s.ID)
		}
		return fmt.Errorf("schedule %s: %w", s.ID, err)
	}
	g.tell(s.ID, f, time.Now())
	return nil
}

// scheduleFacts are what Temporal knows of a schedule and its runs.
type scheduleFacts struct {
	runs     bool // it is there and not paused
	created  time.Time
	next     []time.Time
	ended    time.Time // of the last run that completed; zero: Temporal remembers none
	complete bool      // so did the last one that ended, if any
}

func (g *ScheduleGauges) tell(task string, f scheduleFacts, now time.Time) {
	set := func(gauge *prometheus.GaugeVec, value float64, known bool) {
		if !known {
			gauge.DeleteLabelValues(task)
			return
		}
		gauge.WithLabelValues(task).Set(value)
	}
	since := f.ended
	if since.IsZero() {
		since = f.created
	}
	set(g.age, max(0, now.Sub(since).Seconds()), !since.IsZero())
	set(g.paused, oneUnless(f.runs), true)
	set(g.failed, oneUnless(f.complete), true)
	var interval time.Duration
	if len(f.next) > 1 {
		interval = f.next[1].Sub(f.next[0])
	}
	set(g.interval, interval.Seconds(), interval > 0)
}

func oneUnless(good bool) float64 {
	if good {
		return 0
	}
	return 1
}

func factsOf(ctx context.Context, c client.Client, namespace string, s workflows.Schedule) (f scheduleFacts, err error) {
	var absent *serviceerror.NotFound
	described, err := c.ScheduleClient().GetHandle(ctx, s.ID).Describe(ctx)
	switch {
	case errors.As(err, &absent):
	case err != nil:
		return f, fmt.Errorf("describe: %w", err)
	default:
		f.runs = !described.Schedule.State.Paused
		f.created, f.next = described.Info.CreatedAt, described.Info.NextActionTimes
	}
	last, err := lastEnded(ctx, c, namespace, s, "ExecutionStatus != 'Running'")
	if err != nil {
		return f, err
	}
	f.complete = last == nil || last.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	if last != nil && !f.complete {
		if last, err = lastEnded(ctx, c, namespace, s, "ExecutionStatus = 'Completed'"); err != nil {
			return f, err
		}
	}
	if last != nil {
		f.ended = last.GetCloseTime().AsTime()
	}
	return f, nil
}

// lastEnded is the run that ended last of those of the task, whoever started it;
// nil without any. Temporal lists the last one first.
func lastEnded(ctx context.Context, c client.Client, namespace string, s workflows.Schedule, which string) (*workflowpb.WorkflowExecutionInfo, error) {
	listed, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: namespace, PageSize: 1,
		Query: fmt.Sprintf("WorkflowType = '%s' AND %s", s.Workflow, which),
	})
	if err != nil {
		return nil, fmt.Errorf("list its runs: %w", err)
	}
	if len(listed.GetExecutions()) == 0 {
		return nil, nil
	}
	return listed.GetExecutions()[0], nil
}
