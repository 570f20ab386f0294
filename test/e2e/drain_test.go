package e2e

import (
	"context"
	"slices"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/test/world"
	"github.com/auditflow/auditflow/workflows"
)

// pollers is how many polls for workflow tasks a worker has open (the SDK's
// default).
const pollers = 2

// A worker that is asked to stop finishes what it has (package worker tests that
// without chance). A task that the server is just handing to one of its polls may
// get lost between the two, one for each poll; it comes again after 10 s.
func TestStoppingTheWorkerLosesAndDoublesNothing(t *testing.T) {
	var stops []time.Time
	completions := during(t, "worker-stopped", 50, func(ctx context.Context) error {
		for range 4 {
			pause(t, time.Second)
			stops = append(stops, time.Now())
			if err := stage.product.Worker.Stop(ctx); err != nil {
				return err
			}
			if err := stage.product.Worker.Start(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	eachHasOneRow(t, completions)
	inTransit := make([]int, len(stops))
	for _, c := range completions {
		for _, taken := range takenAndLost(t, c) {
			stop := whileStopping(taken, stops)
			if stop < 0 {
				t.Fatalf("%s: a worker took a task at %s, not while it stopped (%v), and did not finish it", c.Name.Name, taken, stops)
			}
			inTransit[stop]++
		}
	}
	if slices.Max(inTransit) > pollers {
		t.Errorf("more tasks were lost than there are polls")
	}
	t.Logf("tasks lost in transit, by stop: %v", inTransit)
}

// whileStopping is the stop at which a task was taken, or -1. The server notes
// the time before it writes that down, and hands out the task after it has.
func whileStopping(at time.Time, stops []time.Time) int {
	return slices.IndexFunc(stops, func(stop time.Time) bool {
		return at.After(stop.Add(-500*time.Millisecond)) && at.Before(stop.Add(time.Second))
	})
}

// takenAndLost is when tasks were taken that then timed out.
func takenAndLost(t *testing.T, c world.Completion) (at []time.Time) {
	t.Helper()
	id := workflows.DeliveryID(v1.Kind, string(c.UID))
	history := stage.temporal.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	taken := map[int64]time.Time{}
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			t.Fatal(err)
		}
		taken[event.EventId] = event.EventTime.AsTime()
		timeout := event.GetWorkflowTaskTimedOutEventAttributes()
		if timeout.GetTimeoutType() == enumspb.TIMEOUT_TYPE_START_TO_CLOSE {
			at = append(at, taken[timeout.StartedEventId])
		}
	}
	return at
}
