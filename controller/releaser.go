package controller

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// releaser lets every object of a source go, recorded or not.
type releaser struct {
	client client.Client
	source Source
}

func (r *releaser) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	o := r.source.New()
	if err := r.client.Get(ctx, req.NamespacedName, o); apierrors.IsNotFound(err) {
		return ctrl.Result{}, nil
	} else if err != nil {
		return ctrl.Result{}, &apiError{doing: "get " + r.source.Noun(), err: err}
	}
	return letGo(ctx, r.client, r.source, o)
}

// letGo takes the finalizer off, if it is on.
func letGo(ctx context.Context, c client.Client, s Source, o client.Object) (ctrl.Result, error) {
	if !isHeld(o) {
		return ctrl.Result{}, nil
	}
	return afterPatch(stepLetGo, s, o, patch(ctx, c, o, released(o, nil)))
}
