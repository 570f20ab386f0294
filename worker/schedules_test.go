package worker_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

// schedule is one like the first of ours, under a name of the test's own.
func schedule(t *testing.T) workflows.Schedule {
	s := workflows.Defaults().Schedules()[0]
	s.ID = strings.ToLower(t.Name())
	s.Cron = "7 3 29 2 *" // not while the test runs
	return s
}

func converge(t *testing.T, s workflows.Schedule, want string) {
	t.Helper()
	if got, err := worker.Converge(t.Context(), temporal, s); got != want || err != nil {
		t.Fatalf("change %q, %v; want %q", got, err, want)
	}
}

func described(t *testing.T, id string) *client.ScheduleDescription {
	t.Helper()
	d, err := temporal.ScheduleClient().GetHandle(t.Context(), id).Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// minute is when a schedule runs: the server makes calendars of cron expressions.
func minute(t *testing.T, d *client.ScheduleDescription) (minute int) {
	t.Helper()
	if calendars := d.Schedule.Spec.Calendars; len(calendars) != 1 || len(calendars[0].Minute) != 1 {
		t.Fatalf("spec %+v", d.Schedule.Spec)
	}
	return d.Schedule.Spec.Calendars[0].Minute[0].Start
}

func TestAScheduleIsCreatedAsConfigured(t *testing.T) {
	t.Parallel()
	s := schedule(t)
	converge(t, s, "created")
	converge(t, s, "none")
	d := described(t, s.ID)
	action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	if !ok || action.Workflow != workflows.TypeCreatePartitions || action.TaskQueue != workflows.QueueMaintenance || action.ID != s.ID {
		t.Errorf("action %+v", d.Schedule.Action)
	}
	if action.StaticSummary != "monthly partitions, 3 ahead" || action.StaticDetails == "" {
		t.Errorf("says of itself %q: %q", action.StaticSummary, action.StaticDetails)
	}
	if d.Schedule.Policy.Overlap != enumspb.SCHEDULE_OVERLAP_POLICY_SKIP || d.Schedule.Policy.CatchupWindow != 2*time.Hour || minute(t, d) != 7 {
		t.Errorf("policy %+v, spec %+v", d.Schedule.Policy, d.Schedule.Spec)
	}
}

func TestPartitionsAreCreatedAsSoonAsTheirScheduleIs(t *testing.T) {
	t.Parallel()
	create, archive := schedule(t), workflows.Defaults().Schedules()[2]
	archive.ID, archive.Cron = create.ID+"-archive", create.Cron
	converge(t, archive, "created")
	converge(t, create, "created")
	eventually(t, "the first run", func() bool { return described(t, create.ID).Info.NumActions == 1 })
	create.Cron = "8 3 29 2 *"
	converge(t, create, "updated")
	if n := described(t, create.ID).Info.NumActions; n != 1 {
		t.Errorf("%d runs after an update", n)
	}
	if n := described(t, archive.ID).Info.NumActions; n != 0 {
		t.Errorf("%d runs of what is not urgent", n)
	}
}

// pauseAndEdit is what an operator does in the UI, which sends the whole schedule
// back, with the memo of its action or without.
func pauseAndEdit(t *testing.T, id string, memo bool) {
	t.Helper()
	handle := temporal.ScheduleClient().GetHandle(t.Context(), id)
	if err := handle.Pause(t.Context(), client.SchedulePauseOptions{Note: "disk is being replaced"}); err != nil {
		t.Fatal(err)
	}
	err := handle.Update(t.Context(), client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		edited := in.Description.Schedule
		edited.Spec = &client.ScheduleSpec{CronExpressions: []string{"42 3 29 2 *"}}
		if action, ok := edited.Action.(*client.ScheduleWorkflowAction); ok && !memo {
			action.Memo = nil
		}
		return &client.ScheduleUpdate{Schedule: &edited}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatAnOperatorChangedSurvivesARestart(t *testing.T) {
	t.Parallel()
	for name, memo := range map[string]bool{"with its memo": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := schedule(t)
			converge(t, s, "created")
			pauseAndEdit(t, s.ID, memo)
			converge(t, s, "none")
			d := described(t, s.ID)
			if !d.Schedule.State.Paused || d.Schedule.State.Note != "disk is being replaced" || minute(t, d) != 42 {
				t.Errorf("state %+v, minute %d", d.Schedule.State, minute(t, d))
			}
		})
	}
}

func TestAChangedConfigurationChangesTheScheduleButDoesNotResumeIt(t *testing.T) {
	t.Parallel()
	s := schedule(t)
	converge(t, s, "created")
	pauseAndEdit(t, s.ID, true)
	s.Policy = lifecycle.Create{Interval: "weekly", Ahead: 5}
	s.Cron = "23 3 29 2 *"
	converge(t, s, "updated")
	converge(t, s, "none")
	d := described(t, s.ID)
	if !d.Schedule.State.Paused || d.Schedule.State.Note != "disk is being replaced" || minute(t, d) != 23 {
		t.Errorf("state %+v, minute %d", d.Schedule.State, minute(t, d))
	}
}

func TestManyWorkersThatStartAtOnceMakeOneSchedule(t *testing.T) {
	t.Parallel()
	s := schedule(t)
	var workers sync.WaitGroup
	created := make(chan string, 8)
	for range cap(created) {
		workers.Go(func() {
			change, err := worker.Converge(t.Context(), temporal, s)
			if err != nil {
				t.Error(err)
			}
			created <- change
		})
	}
	workers.Wait()
	close(created)
	n := 0
	for change := range created {
		if change == "created" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("created %d times", n)
	}
}

func TestOneScheduleThatFailsKeepsNeitherTheOthersNorTheWorkerFromWorking(t *testing.T) {
	t.Parallel()
	good, bad := schedule(t), schedule(t)
	bad.ID += "-bad"
	bad.Cron = "every now and then"
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	var log logs
	go func() {
		cfg := worker.MaintenanceConfig{Schedules: []workflows.Schedule{bad, good}}
		ended <- worker.RunMaintenance(ctx, temporal, cfg, &activities.Maintain{}, slog.New(slog.NewTextHandler(&log, nil)))
	}()
	eventually(t, "the good schedule is there and the bad one complained of", func() bool {
		_, err := temporal.ScheduleClient().GetHandle(ctx, good.ID).Describe(ctx)
		return err == nil && strings.Contains(log.String(), "schedule is not as configured") && strings.Contains(log.String(), bad.ID)
	})
	select {
	case err := <-ended:
		t.Errorf("the worker ended: %v", err)
	default:
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// logs may be written and read at once.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
