package controller

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
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

// Cache watches the sources' objects without their content: what is large or
// secret is read from the API server once, when it is delivered.
func Cache(watched []Watched) cache.Options {
	o := cache.Options{ByObject: map[client.Object]cache.ByObject{}}
	for _, w := range watched {
		o.ByObject[w.Source.New()] = w.Source.Cache()
	}
	return o
}

// fewReconcilers are plenty where nothing is delivered: they only take marks off.
const fewReconcilers = 8

// SetupDisabled adds what takes part in nothing: it takes the finalizer off
// whatever an earlier configuration held, so that switching auditing off wedges
// no deletion.
func SetupDisabled(mgr manager.Manager, watched []Watched) error {
	for _, w := range watched {
		if err := reconcileWith(mgr, w.Source, &releaser{mgr.GetClient(), w.Source}, fewReconcilers, nil); err != nil {
			return err
		}
	}
	return addStrays(mgr, watched)
}

// Setup adds this door to a manager made with [Scheme] and [Cache] of the same
// sources.
func Setup(mgr manager.Manager, cfg Config, watched []Watched, starter Starter, registry prometheus.Registerer) error {
	recorder, err := newRecorder(mgr)
	if err != nil {
		return err
	}
	deliveries := NewDeliveries(cfg, mgr.GetAPIReader(), starter, recorder, NewMetrics(registry), mgr.GetLogger().WithName("deliveries"))
	if err := mgr.Add(deliveries); err != nil {
		return fmt.Errorf("add deliveries: %w", err)
	}
	feeds := feeds{}
	for _, w := range watched {
		deliveries.metrics.removed.WithLabelValues(w.Source.Kind().Kind)
		feeds[w.Source.Kind()] = make(chan event.GenericEvent)
		r := &Reconciler{Watched: w, Client: mgr.GetClient(), API: mgr.GetAPIReader(), Deliveries: deliveries, Events: recorder}
		if err := reconcileWith(mgr, w.Source, r, deliveries.cfg.Reconcilers, feeds[w.Source.Kind()]); err != nil {
			return err
		}
	}
	if err := mgr.Add(feeds.from(deliveries.changed)); err != nil {
		return fmt.Errorf("add feeds: %w", err)
	}
	counting := &census{cache: mgr.GetCache(), scheme: mgr.GetScheme(), watched: watched, deliveries: deliveries, log: mgr.GetLogger().WithName("census")}
	if err := mgr.Add(counting); err != nil {
		return fmt.Errorf("add census: %w", err)
	}
	return addStrays(mgr, watched)
}

// reconcileWith has a source's objects reconciled, so many at once, when they change,
// and when changed, unless nil, says so.
func reconcileWith(mgr manager.Manager, s Source, r reconcile.Reconciler, atOnce int, changed chan event.GenericEvent) error {
	b := ctrl.NewControllerManagedBy(mgr).
		Named(controllerName(s)).
		For(s.New()).
		WithOptions(controller.Options{MaxConcurrentReconciles: atOnce, LogConstructor: namelessLog(mgr.GetLogger(), s)})
	if changed != nil {
		b = b.WatchesRawSource(source.Channel(changed, &handler.EnqueueRequestForObject{}))
	}
	if err := b.Complete(r); err != nil {
		return fmt.Errorf("add reconciler of %ss: %w", s.Noun(), err)
	}
	return nil
}

// feeds are the ways to the reconcilers, by what they reconcile: each of them
// has a queue of its own, Deliveries has one way out.
type feeds map[schema.GroupVersionKind]chan event.GenericEvent

// from passes changes on until the manager stops.
func (f feeds) from(changed <-chan event.GenericEvent) manager.Runnable {
	return manager.RunnableFunc(func(ctx context.Context) error {
		for {
			select {
			case e := <-changed:
				select {
				case f[e.Object.GetObjectKind().GroupVersionKind()] <- e:
				case <-ctx.Done():
					return nil
				}
			case <-ctx.Done():
				return nil
			}
		}
	})
}
