package controller

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
)

// Reconciler brings the marks on an execution in line with what is known of its
// delivery. It speaks to the API server only: it never waits for Temporal, and
// there is no PostgreSQL it could wait for.
type Reconciler struct {
	Client     client.Client
	Deliveries *Deliveries
	Events     events.EventRecorder
}

// Reconcile does the one next step for one execution.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	ex := &v1.KubernetesExecution{}
	if err := r.Client.Get(ctx, req.NamespacedName, ex); apierrors.IsNotFound(err) {
		r.Deliveries.forget(req.NamespacedName, "")
		return ctrl.Result{}, nil
	} else if err != nil {
		return ctrl.Result{}, &apiError{doing: "get execution", err: err}
	}
	r.Deliveries.forget(req.NamespacedName, ex.UID)

	d := r.Deliveries.look(ex.UID)
	next := decide(ex, d.stage)
	return afterPatch(next, ex.UID, r.do(ctx, next, ex, d))
}

// afterPatch says when to come back. On a conflict the cache is behind; the
// event that brings it up to date may already have been handled, so come back
// by clock.
func afterPatch(done step, uid types.UID, err error) (ctrl.Result, error) {
	switch {
	case apierrors.IsConflict(err):
		return ctrl.Result{RequeueAfter: 50 * time.Millisecond}, nil
	case client.IgnoreNotFound(err) != nil:
		return ctrl.Result{}, &apiError{string(done) + " execution", uid, err}
	}
	return ctrl.Result{}, nil
}

func (r *Reconciler) do(ctx context.Context, next step, ex *v1.KubernetesExecution, d delivery) error {
	switch next {
	case stepHold:
		return patch(ctx, r.Client, ex, held(ex))
	case stepDeliver:
		r.Deliveries.submit(target{name: types.NamespacedName{Namespace: ex.Namespace, Name: ex.Name}, uid: ex.UID})
	case stepLetGo:
		log.FromContext(ctx).V(1).Info("execution let go before its row is committed", "workflow", d.workflowID)
		return patch(ctx, r.Client, ex, released(ex, nil))
	case stepMark:
		return r.mark(ctx, ex, d)
	case stepForget:
		r.Deliveries.drop(ex.UID)
	case stepNothing:
	}
	return nil
}

func (r *Reconciler) mark(ctx context.Context, ex *v1.KubernetesExecution, d delivery) error {
	if marked(ex) {
		return patch(ctx, r.Client, ex, released(ex, nil))
	}
	if err := patch(ctx, r.Client, ex, released(ex, persistedAnnotations(d.receipt, time.Now()))); err != nil {
		return err
	}
	kind, reason, note := tidings(d)
	r.Events.Eventf(ex, nil, kind, reason, "Persist", "%s", note)
	return nil
}

// tidings is the event about a record that has its row.
func tidings(d delivery) (kind, reason, note string) {
	switch d.receipt.Outcome {
	case audit.OutcomeConflict:
		return corev1.EventTypeWarning, "AuditConflict", fmt.Sprintf(
			"row %s already exists in %s with other content; the first one stays (workflow %s)",
			d.receipt.ID, d.receipt.Partition, d.workflowID)
	case audit.OutcomeQuarantined:
		return corev1.EventTypeWarning, "AuditQuarantined", fmt.Sprintf(
			"the audit table cannot hold record %s; it is kept in %s, see `auditctl quarantine list` for why (workflow %s)",
			d.receipt.ID, d.receipt.Partition, d.workflowID)
	default:
		return corev1.EventTypeNormal, "AuditPersisted", fmt.Sprintf(
			"row %s in %s, %d places redacted (workflow %s)", d.receipt.ID, d.receipt.Partition, d.masked, d.workflowID)
	}
}
