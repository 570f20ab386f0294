package controller

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/source"

	v1 "github.com/auditflow/auditflow/api/v1"
)

// Scheme knows the kinds this door reads.
func Scheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(s); err != nil {
		return nil, fmt.Errorf("built-in kinds: %w", err)
	}
	if err := v1.AddToScheme(s); err != nil {
		return nil, fmt.Errorf("execution kinds: %w", err)
	}
	return s, nil
}

// Cache watches executions without their content: what is large or secret is
// read from the API server once, when it is delivered.
func Cache() cache.Options {
	return cache.Options{
		ByObject: map[client.Object]cache.ByObject{&v1.KubernetesExecution{}: {Transform: strip}},
	}
}

func strip(object any) (any, error) {
	if ex, ok := object.(*v1.KubernetesExecution); ok {
		ex.ManagedFields = nil
		ex.Spec = v1.KubernetesExecutionSpec{}
		ex.Status = v1.KubernetesExecutionStatus{Phase: ex.Status.Phase}
	}
	return object, nil
}

const controllerName = "kubernetesexecution" // in metrics, too

// reconcilers only look at marks and patch metadata; a few are plenty.
const reconcilers = 8

// SetupDisabled adds the reconciler that takes part in nothing: it takes the
// finalizer off whatever an earlier configuration held, so that switching
// auditing off wedges no deletion.
func SetupDisabled(mgr manager.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).
		Named(controllerName).
		For(&v1.KubernetesExecution{}).
		WithOptions(controller.Options{LogConstructor: namelessLog(mgr.GetLogger())}).
		Complete(&releaser{mgr.GetClient()})
	if err != nil {
		return fmt.Errorf("add releaser: %w", err)
	}
	return nil
}

// Setup adds this door to a manager made with [Scheme] and [Cache].
func Setup(mgr manager.Manager, cfg Config, starter Starter, registry prometheus.Registerer) error {
	recorder, err := newRecorder(mgr)
	if err != nil {
		return err
	}
	deliveries := NewDeliveries(cfg, mgr.GetAPIReader(), starter, recorder, NewMetrics(registry), mgr.GetLogger().WithName("deliveries"))
	if err := mgr.Add(deliveries); err != nil {
		return fmt.Errorf("add deliveries: %w", err)
	}
	err = ctrl.NewControllerManagedBy(mgr).
		Named(controllerName).
		For(&v1.KubernetesExecution{}).
		WatchesRawSource(source.Channel(deliveries.changed, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: reconcilers, LogConstructor: namelessLog(mgr.GetLogger())}).
		Complete(&Reconciler{Client: mgr.GetClient(), Deliveries: deliveries, Events: recorder})
	if err != nil {
		return fmt.Errorf("add reconciler: %w", err)
	}
	return nil
}
