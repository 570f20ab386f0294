package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"
	sdkworkflow "go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/cmd/internal/status"
	"github.com/auditflow/auditflow/workflows"
)

// wellAndBad are a good day, and a bad one.
func wellAndBad() (well, bad *status.Status) {
	p50, p99 := 0.042, 1.5
	well = &status.Status{At: noon}
	well.Persisted.Value = status.Persisted{
		CreatedSince: noon.AddDate(0, 0, -7), LastHour: 1234, LastDay: 30_000, LagP50: &p50, LagP99: &p99,
		Sources: []status.Source{{Source: "Job", LastDay: 900}, {Source: "KubernetesExecution", LastHour: 1234, LastDay: 29_100}},
	}
	well.Partitions.Value = status.Partitions{Attached: 5, Runway: (61 * day).Seconds(), RunwayUntil: noon.Add(61 * day)}
	well.Holds.Value = status.Holds{Holds: 2}
	well.Archive.Value = status.Archive{
		Periods: 12, Records: 120_000_000, LastArchived: &status.Filed{Period: "2025_11", At: noon.Add(-2 * time.Hour)},
		LastVerified: &status.Filed{Period: "2025_03", At: noon.Add(-day)}, LongestUnread: &status.Filed{Period: "2025_01", At: noon.AddDate(0, 0, -34)},
	}
	well.Schedules.Value = []*status.Schedule{
		{ID: "audit-create-partitions", Exists: true, NextRun: noon.Add(7 * time.Minute), LastRun: &status.Run{
			WorkflowID: "audit-create-partitions-2026-03-10T11:07:00Z", RunID: "r1", StartedAt: noon.Add(-53 * time.Minute), Outcome: "Completed", Summary: "0 created",
		}},
		{ID: "audit-tier", Exists: true, NextRun: noon.Add(day)},
		{ID: "audit-archive", Exists: true, NextRun: noon.Add(day), LastRun: &status.Run{StartedAt: noon.AddDate(0, 0, -40), Outcome: status.Forgotten}},
		{ID: "audit-retention", Exists: true, Paused: true, Note: "case 2026-17\x1b[2J", LastRun: &status.Run{StartedAt: noon.Add(-8 * time.Hour), Outcome: "Failed", Summary: "1 failed"}},
	}

	bad = &status.Status{At: noon}
	away := errors.New("ping the database: failed to connect to `host=db user=auditor`:\n\tdial error: connection refused")
	bad.Persisted.Err, bad.Quarantine.Err, bad.Holds.Err, bad.Archive.Err = away, away, away, away
	bad.Partitions.Value = status.Partitions{Attached: 1, Leaving: 2, RunwayUntil: noon}
	bad.Pending.Value = status.Pending{Deliveries: 4012, Oldest: &status.Oldest{
		WorkflowID: "audit/KubernetesExecution/b", StartedAt: noon.Add(-26 * time.Hour), AgeSeconds: 93_600, Step: "Persist", Attempt: 97,
		LastFailure: "append to the store: cannot_connect_now (SQLSTATE 57P03)",
	}}
	bad.Schedules.Value = []*status.Schedule{{ID: "audit-create-partitions"}}
	return well, bad
}

func TestHowThingsStandFitsOnOneScreen(t *testing.T) {
	t.Parallel()
	well, bad := wellAndBad()
	for name, s := range map[string]*status.Status{"status": well, "status-bad": bad} {
		inTables(t, name, func(p *program) error { return p.single(s, func(page *page) { tellStatus(page, s) }) })
		text := rendered(t, environment{person: true, width: 110}, formatTable, func(p *program) error { return p.redraw(s, true) })
		golden(t, name+".terminal", text)
		if lines := strings.Count(text, "\n"); lines > 30 {
			t.Errorf("%s: %d lines are no screen", name, lines)
		}
	}
	if names := strings.Join(bad.Unread(), " "); names != "persisted quarantine holds archive" {
		t.Errorf("not read: %s", names)
	}
}

// stuck starts a delivery that fails again and again.
func (s *estate) stuck(t *testing.T) {
	t.Helper()
	w := sdkworker.New(s.client, workflows.QueueDelivery, sdkworker.Options{})
	w.RegisterWorkflowWithOptions(func(ctx sdkworkflow.Context) error {
		ctx = sdkworkflow.WithActivityOptions(ctx, sdkworkflow.ActivityOptions{
			StartToCloseTimeout: time.Minute, RetryPolicy: &temporal.RetryPolicy{InitialInterval: 10 * time.Millisecond, BackoffCoefficient: 100},
		})
		return sdkworkflow.ExecuteActivity(ctx, workflows.ActivityPersist).Get(ctx, nil)
	}, sdkworkflow.RegisterOptions{Name: workflows.TypeDeliverAudit})
	must(t, w.Start())
	t.Cleanup(w.Stop)
	const id = "audit/KubernetesExecution/stuck"
	_, err := s.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: workflows.QueueDelivery}, workflows.TypeDeliverAudit)
	must(t, err)
	until(t, "the delivery is tried again", func() bool {
		there, err := s.client.DescribeWorkflowExecution(t.Context(), id, "")
		return err == nil && len(there.GetPendingActivities()) > 0 && there.GetPendingActivities()[0].GetAttempt() > 1
	})
}

// presently is the program as it runs at this moment, unlike in other tests: the
// servers' clocks are in what it tells.
func (e environment) presently(t *testing.T, ctx context.Context, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := e.program()
	p.now, p.stdout, p.stderr = time.Now, &stdout, &stderr
	code := p.run(ctx, args)
	return outcome{code, stdout.String(), stderr.String()}
}

func TestStatusTellsWhatTheServersKnow(t *testing.T) {
	t.Parallel()
	s := newEstate(t)
	s.temporal(t)
	s.filed(t)
	s.work(t)
	s.stuck(t)
	must(t, s.client.ScheduleClient().GetHandle(t.Context(), workflows.ScheduleTier).Pause(t.Context(), client.SchedulePauseOptions{Note: "disks"}))
	var got struct {
		Persisted  status.Persisted
		Pending    status.Pending
		Partitions status.Partitions
		Archive    status.Archive
		Schedules  []status.Schedule
	}
	until(t, "the pending delivery is visible", func() bool {
		o := s.presently(t, t.Context(), "status", "-o", "json")
		if o.code != exitOK || json.Unmarshal([]byte(o.stdout), &got) != nil {
			t.Fatalf("%+v", o)
		}
		return got.Pending.Deliveries == 1
	})
	if got.Persisted.LastHour != 5 || len(got.Persisted.Sources) != 1 || got.Persisted.LagP50 == nil {
		t.Errorf("persisted: %+v", got.Persisted)
	}
	if o := got.Pending.Oldest; o == nil || o.WorkflowID != "audit/KubernetesExecution/stuck" || o.Step != "Persist" || o.Attempt < 2 || o.LastFailure == "" || o.AgeSeconds < 0 {
		t.Errorf("the oldest: %+v", o)
	}
	if got.Partitions.Runway < 80*day.Seconds() || got.Partitions.Attached < 4 {
		t.Errorf("partitions: %+v", got.Partitions)
	}
	if a := got.Archive; a.Periods != 1 || a.LastArchived == nil || a.LastArchived.Period != "2025_01" || a.LastVerified != nil {
		t.Errorf("archive: %+v", a)
	}
	if len(got.Schedules) != 4 || got.Schedules[0].LastRun == nil || got.Schedules[0].LastRun.Outcome != "Completed" || got.Schedules[0].NextRun.IsZero() ||
		got.Schedules[0].LastRun.Summary == "" || !got.Schedules[1].Paused || got.Schedules[1].Note != "disks" {
		t.Errorf("schedules: %+v", got.Schedules)
	}
	contains(t, "the screen", s.presently(t, t.Context(), "status").stdout, "1 delivery", "audit-tier", "PAUSED: disks", "last archived   2025_01")
}

func TestAPartThatCannotBeReadTakesNothingAwayFromTheOthers(t *testing.T) {
	t.Parallel()
	e, _ := database(t)
	e.sql(t, `DROP TABLE auditflow_hold`)
	e.variables[variableAddress] = "127.0.0.1:1"
	o := e.presently(t, t.Context(), "status", "-o", "json", "--timeout", "3s")
	var got map[string]json.RawMessage
	must(t, json.Unmarshal([]byte(o.stdout), &got))
	for _, part := range []string{"pending", "schedules", "holds"} {
		if !strings.Contains(string(got[part]), `"error":`) || strings.Count(string(got[part]), ":") < 2 {
			t.Errorf("%s: %s", part, got[part])
		}
	}
	contains(t, "what could be read", string(got["quarantine"])+string(got["persisted"]), `"records": 0`, `"records_last_day": 0`)
	if o.code != exitFailed {
		t.Errorf("exit code %d", o.code)
	}
	contains(t, "stderr", o.stderr, "not all could be read: pending, holds, schedules", "Hint: ")

	e.variables[variableDatabase] = "postgres://nobody@127.0.0.1:1/x"
	if o := e.presently(t, t.Context(), "status", "--timeout", "3s"); o.code != exitFailed || strings.Count(o.stdout, "could not be read: ") != 7 {
		t.Errorf("with no server at all: %+v", o)
	}
}

func TestAWatchTellsAgainAndAgainUntilItIsInterrupted(t *testing.T) {
	t.Parallel()
	s := newEstate(t)
	s.temporal(t)
	for name, tc := range map[string]struct {
		person bool
		format string
		text   string // that the second document begins with
	}{
		"a pipe gets documents":               {false, formatTable, "\nauditflow on "},
		"a program gets documents":            {false, formatJSON, "}\n{"},
		"a terminal is written over in place": {true, formatTable, eraseBelow + cursorHome},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithTimeout(t.Context(), 20*time.Second) // else it would watch for ever
			defer interrupt()
			p, stdout := s.program(), &interruptingAt{text: tc.text, interrupt: interrupt}
			p.now, p.stdout, p.stderr, p.person = time.Now, stdout, &bytes.Buffer{}, tc.person
			if code := p.run(ctx, []string{"status", "--watch", "--interval", "100ms", "-o", tc.format}); code != exitOK {
				t.Errorf("exit code %d", code)
			}
			contains(t, "what was watched", stdout.String(), tc.text)
			if strings.Contains(stdout.String(), "\x1b") != tc.person {
				t.Errorf("sequences for terminals: %q", stdout.String())
			}
		})
	}
	if stderr := s.refused(t, exitUsage, "status", "--watch", "--interval", "1ms"); !strings.Contains(stderr, "100ms") {
		t.Error(stderr)
	}
}
