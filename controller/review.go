package controller

import (
	"context"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1 "github.com/auditflow/auditflow/api/v1"
)

// review removes a marked object when its review window is over, and comes back
// for it when it is not.
func (r *Reconciler) review(ctx context.Context, o client.Object) (ctrl.Result, error) {
	if !r.Source.Ended(o) || !o.GetDeletionTimestamp().IsZero() {
		return ctrl.Result{}, nil
	}
	until, ends := reviewEnds(o, r.row(o), r.Review)
	if !ends {
		return ctrl.Result{}, nil
	}
	if left := time.Until(until); left > 0 {
		return ctrl.Result{RequeueAfter: left}, nil
	}
	if err := r.remove(ctx, o); err != nil {
		return afterPatch(stepRemove, r.Source, o, err)
	}
	r.Deliveries.metrics.removed.WithLabelValues(r.Source.Kind().Kind).Inc()
	log.FromContext(ctx).V(1).Info("removed after its review window", "uid", o.GetUID())
	return ctrl.Result{}, nil
}

// remove deletes the object as it was looked at: if it has been changed since,
// it may have been marked to be kept, and is looked at again.
func (r *Reconciler) remove(ctx context.Context, o client.Object) error {
	uid, version := o.GetUID(), o.GetResourceVersion()
	return r.Client.Delete(ctx, o,
		client.Preconditions(metav1.Preconditions{UID: &uid, ResourceVersion: &version}),
		// A Job's pods go with it; the API server's default would leave them behind.
		client.PropagationPolicy(metav1.DeletePropagationBackground))
}

// reviewEnds tells when an object may be removed, if ever: the window counts from
// when its row was committed. Only a mark that tells of this object's row counts,
// for annotations travel with manifests and backups; and what is in quarantine
// waits for somebody to look at it.
func reviewEnds(o client.Object, row string, window time.Duration) (until time.Time, ends bool) {
	annotations := o.GetAnnotations()
	if window <= 0 || annotations[v1.StateAnnotation] != v1.StatePersisted || annotations[v1.KeepAnnotation] == "true" {
		return time.Time{}, false
	}
	id, when, _ := strings.Cut(annotations[v1.PersistedAnnotation], " ")
	persisted, err := time.Parse(time.RFC3339, when)
	if err != nil || id != row {
		return time.Time{}, false
	}
	return persisted.Add(window + time.Second), true // the mark has whole seconds
}
