package controller

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	v1 "github.com/auditflow/auditflow/api/v1"
)

// step is the one thing to do next about an object.
type step string

const (
	stepNothing step = "nothing"
	stepHold    step = "hold"    // put the finalizer on, state Pending
	stepDeliver step = "deliver" // hand over to Deliveries
	stepMark    step = "mark"    // persisted annotation on, finalizer off
	stepLetGo   step = "let go"  // finalizer off: somebody wants to delete, and Temporal has the record
	stepForget  step = "forget"  // marked already
	stepRemove  step = "remove"  // marked, and its review window is over
)

// decide looks at an object's marks, at whether it has ended, and at what is
// known of the delivery of its row. It may be called any number of times; the
// same facts give the same step.
func decide(o client.Object, row string, ended bool, d stage) step {
	held, marked := isHeld(o), isMarked(o, row)
	deleting := !o.GetDeletionTimestamp().IsZero()
	switch {
	case marked && held:
		return stepMark // somebody restored the object, or put the finalizer back on
	case marked:
		return stepForget
	case d == stagePersisted:
		return stepMark
	case deleting && held && d == stageStarted:
		return stepLetGo
	case d != stageUnknown:
		return stepNothing // on its way; Deliveries will call again
	case deleting && held && !ended && keptByOthers(o):
		return stepNothing
	case !deleting && !held:
		return stepHold
	case deleting, ended:
		return stepDeliver
	}
	return stepNothing
}

// keptByOthers tells that a deleted object is kept by somebody else as well, who
// may yet write how it ended. As long as our finalizer is on, waiting for them
// loses nothing and records more. The garbage collector writes nothing; it takes
// the pods away.
func keptByOthers(o client.Object) bool {
	return slices.ContainsFunc(o.GetFinalizers(), func(f string) bool {
		return f != v1.DeliveryFinalizer && f != metav1.FinalizerDeleteDependents && f != metav1.FinalizerOrphanDependents
	})
}

func isHeld(o client.Object) bool { return controllerutil.ContainsFinalizer(o, v1.DeliveryFinalizer) }

// isMarked tells that the object says its row is committed. A mark that tells of
// another row is none: annotations travel with manifests and backups.
func isMarked(o client.Object, row string) bool {
	id, _, _ := strings.Cut(o.GetAnnotations()[v1.PersistedAnnotation], " ")
	return id != "" && id == row
}
