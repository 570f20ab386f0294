package controller

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/failpoint"
)

// Reconciler brings the marks on the objects of one source in line with what is
// known of their delivery. It speaks to the API server only: it never waits for
// Temporal, and there is no PostgreSQL it could wait for.
type Reconciler struct {
	Watched
	Client     client.Client
	API        client.Reader // past the cache
	Deliveries *Deliveries
	Events     events.EventRecorder
}

// Reconcile does the one next step for one object.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	o := r.Source.New()
	here := place{r.Source, req.NamespacedName}
	if err := r.Client.Get(ctx, req.NamespacedName, o); apierrors.IsNotFound(err) {
		r.Deliveries.forget(here, "")
		return r.left(ctx, req.NamespacedName)
	} else if err != nil {
		return ctrl.Result{}, &apiError{doing: "get " + r.Source.Noun(), err: err}
	}
	r.Deliveries.forget(here, o.GetUID())
	if !r.Source.Records(o) {
		return letGo(ctx, r.Client, r.Source, o)
	}
	d := r.Deliveries.look(o.GetUID())
	next := decide(o, r.row(o), r.Source.Ended(o), d.stage)
	if next == stepForget {
		r.Deliveries.drop(o.GetUID())
		return r.review(ctx, o)
	}
	return afterPatch(next, r.Source, o, r.do(ctx, next, o, d))
}

// left looks after an object that is in the cache no more. Of a source that does
// not watch every object it may be there still, with our finalizer, because
// somebody changed its labels: that is the wish not to have it recorded.
func (r *Reconciler) left(ctx context.Context, name types.NamespacedName) (ctrl.Result, error) {
	if !selective(r.Source) {
		return ctrl.Result{}, nil
	}
	o := &metav1.PartialObjectMetadata{}
	o.SetGroupVersionKind(r.Source.Kind())
	if err := r.API.Get(ctx, name, o); apierrors.IsNotFound(err) {
		return ctrl.Result{}, nil
	} else if err != nil {
		return ctrl.Result{}, &apiError{doing: "get " + r.Source.Noun(), err: err}
	}
	if r.Source.Records(o) {
		return ctrl.Result{}, nil // the cache is behind, and will tell
	}
	return letGo(ctx, r.Client, r.Source, o)
}

// afterPatch says when to come back. On a conflict the cache is behind; the
// event that brings it up to date may already have been handled, so come back
// by clock.
func afterPatch(done step, s Source, o client.Object, err error) (ctrl.Result, error) {
	switch {
	case apierrors.IsConflict(err):
		return ctrl.Result{RequeueAfter: 50 * time.Millisecond}, nil
	case client.IgnoreNotFound(err) != nil:
		return ctrl.Result{}, &apiError{string(done) + " " + s.Noun(), o.GetUID(), err}
	}
	return ctrl.Result{}, nil
}

func (r *Reconciler) do(ctx context.Context, next step, o client.Object, d delivery) error {
	switch next {
	case stepHold:
		failpoint.Hit("deliver.holding")
		return patch(ctx, r.Client, o, held(o))
	case stepDeliver:
		ctx, span := r.Deliveries.traceSeen(ctx, r.Source)
		defer span.End()
		r.Deliveries.submit(ctx, r.target(o))
	case stepLetGo:
		traced(d.trace.context(ctx), log.FromContext(ctx)).V(1).Info("let go before its row is committed", "uid", o.GetUID(), "workflow", d.workflowID)
		failpoint.Hit("deliver.letting-go")
		return patch(ctx, r.Client, o, released(o, nil))
	case stepMark:
		return r.mark(ctx, o, d)
	case stepForget, stepRemove, stepNothing:
	}
	return nil
}

func (r *Reconciler) target(o client.Object) target {
	return target{name: client.ObjectKeyFromObject(o), uid: o.GetUID(), source: r.Source}
}

// row is the id of the object's row, whoever delivers it.
func (r *Reconciler) row(o client.Object) string { return r.Deliveries.row(o) }

func (r *Reconciler) mark(ctx context.Context, o client.Object, d delivery) error {
	if isMarked(o, r.row(o)) {
		return patch(ctx, r.Client, o, released(o, nil))
	}
	failpoint.Hit("deliver.marking")
	marking, span := r.Deliveries.traceMark(ctx, r.Source, d)
	err := patch(marking, r.Client, o, released(o, persistedAnnotations(d.receipt, time.Now())))
	endSpan(span, err)
	if err != nil {
		return err
	}
	failpoint.Hit("deliver.marked")
	kind, reason, note := tidings(d)
	// Not of o: its resource version would make each time an event of its own,
	// where one that comes again is to be counted.
	r.Events.Eventf(reference(r.target(o)), nil, kind, reason, "Persist", "%s", note)
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
