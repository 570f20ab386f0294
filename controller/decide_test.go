package controller

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/auditflow/auditflow/api/v1"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	const foreign = "example.org/theirs"
	const row = "6b1d3a52-0f7c-5e0a-9c6e-2b8f41d7a513"
	now := metav1.NewTime(time.Unix(1, 0))
	tests := []struct {
		name       string
		phase      v1.Phase
		finalizers []string
		deleting   bool
		marked     bool
		delivery   stage
		want       step
	}{
		{"first seen while running: hold", v1.PhaseExecuting, nil, false, false, stageUnknown, stepHold},
		{"first seen when over: hold before anything else", v1.PhaseCompleted, nil, false, false, stageUnknown, stepHold},
		{"held and running: nothing", v1.PhaseExecuting, []string{v1.DeliveryFinalizer}, false, false, stageUnknown, stepNothing},
		{"held without any phase: nothing", "", []string{v1.DeliveryFinalizer}, false, false, stageUnknown, stepNothing},
		{"held and over: deliver", v1.PhaseFailed, []string{v1.DeliveryFinalizer}, false, false, stageUnknown, stepDeliver},
		{"cancelled is over, too", v1.PhaseCancelled, []string{v1.DeliveryFinalizer}, false, false, stageUnknown, stepDeliver},
		{"submitted: nothing to do here", v1.PhaseCompleted, []string{v1.DeliveryFinalizer}, false, false, stageSubmitted, stepNothing},
		{"started: wait for the row", v1.PhaseCompleted, []string{v1.DeliveryFinalizer}, false, false, stageStarted, stepNothing},
		{"persisted: mark", v1.PhaseCompleted, []string{v1.DeliveryFinalizer}, false, false, stagePersisted, stepMark},
		{"marked: forget", v1.PhaseCompleted, nil, false, true, stagePersisted, stepForget},
		{"marked after a restart: nothing is known, nothing is done again", v1.PhaseCompleted, nil, false, true, stageUnknown, stepForget},
		{"marked but still held: let go", v1.PhaseCompleted, []string{v1.DeliveryFinalizer}, false, true, stageUnknown, stepMark},
		{"deleted while running, only we hold it: deliver what there is", v1.PhaseExecuting, []string{v1.DeliveryFinalizer}, true, false, stageUnknown, stepDeliver},
		{"deleted while running, its controller still holds it: wait for the end", v1.PhaseExecuting, []string{foreign, v1.DeliveryFinalizer}, true, false, stageUnknown, stepNothing},
		{"deleted while running, the garbage collector holds it as well: it writes nothing, deliver", v1.PhaseExecuting, []string{metav1.FinalizerDeleteDependents, v1.DeliveryFinalizer}, true, false, stageUnknown, stepDeliver},
		{"deleted when over, others hold it as well: deliver at once", v1.PhaseCompleted, []string{foreign, v1.DeliveryFinalizer}, true, false, stageUnknown, stepDeliver},
		{"deleted before we ever held it: deliver while it lasts", v1.PhaseExecuting, []string{foreign}, true, false, stageUnknown, stepDeliver},
		{"deleted and not started: the finalizer stays", v1.PhaseCompleted, []string{v1.DeliveryFinalizer}, true, false, stageSubmitted, stepNothing},
		{"deleted and started: Temporal has it, let go", v1.PhaseCompleted, []string{v1.DeliveryFinalizer}, true, false, stageStarted, stepLetGo},
		{"let go, held by others: nothing until the row is there", v1.PhaseCompleted, []string{foreign}, true, false, stageStarted, stepNothing},
		{"deleted and persisted: mark", v1.PhaseCompleted, []string{v1.DeliveryFinalizer}, true, false, stagePersisted, stepMark},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ex := &v1.KubernetesExecution{ObjectMeta: metav1.ObjectMeta{Finalizers: tc.finalizers}}
			ex.Status.Phase = tc.phase
			if tc.deleting {
				ex.DeletionTimestamp = &now
			}
			if tc.marked {
				ex.Annotations = map[string]string{v1.PersistedAnnotation: row + " time"}
			}
			if got := decide(ex, row, ex.Status.Phase.Terminal(), tc.delivery); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

// Annotations travel with manifests and backups.
func TestAMarkOfAnotherRowIsNone(t *testing.T) {
	t.Parallel()
	for mark, want := range map[string]step{
		"row-1 2026-01-01T00:00:00Z": stepForget, "row-1": stepForget, "row-2 2026-01-01T00:00:00Z": stepHold, "row": stepHold, " row-1": stepHold,
	} {
		ex := &v1.KubernetesExecution{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1.PersistedAnnotation: mark}}}
		if got := decide(ex, "row-1", true, stageUnknown); got != want {
			t.Errorf("%q: %s, want %s", mark, got, want)
		}
	}
}
