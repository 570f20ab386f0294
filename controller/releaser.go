package controller

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	v1 "github.com/auditflow/auditflow/api/v1"
)

// releaser lets every execution go, recorded or not.
type releaser struct{ client client.Client }

func (r *releaser) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	ex := &v1.KubernetesExecution{}
	if err := r.client.Get(ctx, req.NamespacedName, ex); apierrors.IsNotFound(err) {
		return ctrl.Result{}, nil
	} else if err != nil {
		return ctrl.Result{}, &apiError{doing: "get execution", err: err}
	}
	if !controllerutil.ContainsFinalizer(ex, v1.DeliveryFinalizer) {
		return ctrl.Result{}, nil
	}
	return afterPatch(stepLetGo, ex.UID, patch(ctx, r.client, ex, released(ex, nil)))
}
