package controller

import (
	"slices"

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
)

// decide looks at an execution's marks and at what is known of its delivery. It
// may be called any number of times; the same facts give the same step.
func decide(ex *v1.KubernetesExecution, d stage) step {
	held := controllerutil.ContainsFinalizer(ex, v1.DeliveryFinalizer)
	deleting := !ex.DeletionTimestamp.IsZero()
	switch {
	case marked(ex) && held:
		return stepMark // somebody restored the object, or put the finalizer back on
	case marked(ex):
		return stepForget
	case d == stagePersisted:
		return stepMark
	case deleting && held && d == stageStarted:
		return stepLetGo
	case d != stageUnknown:
		return stepNothing // on its way; Deliveries will call again
	case deleting && stillRunning(ex):
		return stepNothing
	case !deleting && !held:
		return stepHold
	case deleting, ex.Status.Phase.Terminal():
		return stepDeliver
	}
	return stepNothing
}

// stillRunning tells that an unfinished, deleted execution is kept by somebody
// else, who may yet write how it ended. As long as our finalizer is on as well,
// waiting for them loses nothing and records more.
func stillRunning(ex *v1.KubernetesExecution) bool {
	return !ex.Status.Phase.Terminal() &&
		controllerutil.ContainsFinalizer(ex, v1.DeliveryFinalizer) &&
		slices.ContainsFunc(ex.Finalizers, func(f string) bool { return f != v1.DeliveryFinalizer })
}

func marked(o client.Object) bool { return o.GetAnnotations()[v1.PersistedAnnotation] != "" }
