package e2e

import (
	"context"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/test/world"
	"github.com/auditflow/auditflow/workflows"
)

// A task that the server hands out in the very moment in which the worker stops
// may get lost between the two; it comes again after 10 s. What the worker had
// before it was asked to stop, it must finish.
func TestAWorkerThatIsAskedToStopFinishesWhatItHas(t *testing.T) {
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
	inTransit := 0
	for _, c := range completions {
		for _, taken := range takenAndLost(t, c) {
			if !whileStopping(taken, stops) {
				t.Errorf("%s: a worker took a task at %s, not while it stopped (%v), and did not finish it", c.Name.Name, taken, stops)
			}
			inTransit++
		}
	}
	t.Logf("%d stops, %d tasks lost in transit", len(stops), inTransit)
}

func whileStopping(at time.Time, stops []time.Time) bool {
	for _, stop := range stops {
		if at.After(stop.Add(-100*time.Millisecond)) && at.Before(stop.Add(time.Second)) {
			return true
		}
	}
	return false
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
