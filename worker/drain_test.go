package worker_test

import (
	"context"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/workflows"
)

// slowStore appends once it may, and tells when it was asked to.
type slowStore struct {
	activities.Appender
	asked, may chan struct{}
}

func (s *slowStore) Append(ctx context.Context, records []audit.Record) ([]audit.Receipt, error) {
	close(s.asked) // for a second time it would panic
	<-s.may
	return s.Appender.Append(ctx, records)
}

func TestAWorkerThatIsAskedToStopFinishesWhatItHas(t *testing.T) {
	t.Parallel()
	for name, records := range map[string][]audit.Record{"one": days(1), "a batch": days(5)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newBatchDoor(t, map[bool]string{true: "drain", false: "drain-batch"}[len(records) == 1], workflows.BatchConfig{Wait: time.Minute})
			store := &slowStore{newStore(t), make(chan struct{}), make(chan struct{})}
			stop, ended := d.workWith(t, store)
			delivery := started(t, d.StartAll(t.Context(), records))[0]
			<-store.asked

			stop()
			select {
			case err := <-ended:
				t.Fatalf("the worker ended in the midst of an append: %v", err)
			case <-time.After(500 * time.Millisecond): // it should have, if it did not wait
			}
			close(store.may)
			if err := <-ended; err != nil {
				t.Error(err)
			}
			done, err := delivery.Wait(t.Context()) // with no worker left to finish it
			if err != nil || len(done.Rows) == 0 {
				t.Fatalf("%+v, %v", done, err)
			}
			d.tookOneTask(t, delivery.ID())
		})
	}
}

// tookOneTask looks whether any task of a workflow timed out or was tried again.
func (d *batchDoor) tookOneTask(t *testing.T, id string) {
	t.Helper()
	history := d.client.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			t.Fatal(err)
		}
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT, enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED:
			t.Errorf("the history has %s", event.GetEventType())
		default:
		}
	}
}
