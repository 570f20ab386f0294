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

// pollers is how many polls for workflow tasks a worker has open (the SDK's
// default).
const pollers = 2

// A worker that is asked to stop finishes what it has; package worker tests that
// without chance. A task that the server is just handing to one of its polls may
// get lost between the two, one for each poll; it comes again after 10 s.
func TestStoppingTheWorkerLosesAndDoublesNothing(t *testing.T) {
	const stops = 4
	completions := during(t, "worker-stopped", 50, func(ctx context.Context) error {
		for range stops {
			pause(t, time.Second)
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
	lost := map[string]int{} // by worker process
	for _, c := range completions {
		for _, worker := range tookAndLost(t, c) {
			lost[worker]++
		}
	}
	if len(lost) > stops {
		t.Errorf("a worker that was not stopped lost tasks: %v", lost)
	}
	for worker, tasks := range lost {
		if tasks > pollers {
			t.Errorf("%s: %d tasks were lost, more than it had polls", worker, tasks)
		}
	}
	t.Logf("%d stops, tasks lost in transit: %v", stops, lost)
}

// tookAndLost is who was handed tasks that then timed out.
func tookAndLost(t *testing.T, c world.Completion) (workers []string) {
	t.Helper()
	id := workflows.DeliveryID(v1.Kind, string(c.UID))
	history := stage.temporal.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	taken := map[int64]string{}
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			t.Fatal(err)
		}
		taken[event.EventId] = event.GetWorkflowTaskStartedEventAttributes().GetIdentity()
		timeout := event.GetWorkflowTaskTimedOutEventAttributes()
		if timeout.GetTimeoutType() == enumspb.TIMEOUT_TYPE_START_TO_CLOSE {
			workers = append(workers, taken[timeout.StartedEventId])
		}
	}
	return workers
}
