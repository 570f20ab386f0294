package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	v1 "github.com/auditflow/auditflow/api/v1"
)

// Faults of Kubernetes.
func serverFaults() []fault {
	return []fault{
		{
			number: 23, name: "Kubernetes API restarts", expectation: "watches end, caches are stale, nothing is missed", quick: true, outlasts: true,
			load:      load{writers: 3, pause: 10 * time.Millisecond, clients: 1, batch: 20, rhythm: time.Second, atLeast: 500},
			injection: "API server killed 40 times, etcd 20 times; etcd compacted while the controller is frozen, so that its watches are answered 410 Gone, 3 times",
			inject:    restartKubernetes,
		},
		{
			number: 24, name: "deleted as soon as it has ended", expectation: "the finalizer holds: missed 0", quick: true,
			load:      load{writers: 4, deletes: true, atLeast: 500},
			injection: "every execution ends as soon as it is held and is deleted at once, while the controller is killed 20 times where it lets go",
			inject: func(ctx context.Context, t *trial) error {
				if err := rest(ctx, sooner(t, 60*time.Second, 5*time.Second)); err != nil {
					return err
				}
				t.kill(t.product.Worker) // nothing is persisted meanwhile, so that Temporal is all that has the records
				return dieAt(ctx, t, t.product.Controller, "deliver.letting-go", sooner(t, 20, 3), 20)
			},
			failpoints: []string{"deliver.letting-go"},
		},
	}
}

func restartKubernetes(ctx context.Context, t *trial) error {
	for range sooner(t, 40, 3) {
		if err := rest(ctx, t.between(500*time.Millisecond, 4*time.Second)); err != nil {
			return err
		}
		if err := killAPIServer(ctx, t, t.between(0, time.Second)); err != nil {
			return err
		}
	}
	for range sooner(t, 20, 2) {
		if err := rest(ctx, t.between(500*time.Millisecond, 4*time.Second)); err != nil {
			return err
		}
		if err := killEtcd(ctx, t, t.between(0, time.Second)); err != nil {
			return err
		}
	}
	for range sooner(t, 3, 1) {
		if err := outrunWatches(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// outrunWatches has the controller wake up in a cluster that has forgotten the
// version which its watches have come to.
func outrunWatches(ctx context.Context, t *trial) error {
	return frozen(t, t.product.Controller, func() error {
		executions, version, err := t.presentVersion(ctx)
		if err != nil {
			return err
		}
		had := t.books.Completions()
		if err := until(ctx, time.Minute, "executions that the controller does not see end", func(context.Context) error {
			if have := t.books.Completions(); have < had+20 {
				return fmt.Errorf("there are %d", have-had)
			}
			return nil
		}); err != nil {
			return err
		}
		if err := t.Kube.Compact(ctx); err != nil {
			return err
		}
		if err := killAPIServer(ctx, t, 0); err != nil { // which remembers some of it, too
			return err
		}
		return until(ctx, 30*time.Second, "the API server to have forgotten", func(ctx context.Context) error {
			return goneAt(ctx, executions, version)
		})
	})
}

// presentVersion is the one that a watch of executions is at now, at most.
func (t *trial) presentVersion(ctx context.Context) (executions dynamic.ResourceInterface, version string, err error) {
	c, err := dynamic.NewForConfig(t.Kube.Config)
	if err != nil {
		return nil, "", err
	}
	executions = c.Resource(v1.GroupVersion.WithResource("kubernetesexecutions"))
	list, err := executions.List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return nil, "", fmt.Errorf("list executions: %w", err)
	}
	return executions, list.GetResourceVersion(), nil
}

var errStillWatched = errors.New("a watch can still go on from there")

// goneAt returns nil if a watch from a version is answered 410.
func goneAt(ctx context.Context, executions dynamic.ResourceInterface, version string) error {
	w, err := executions.Watch(ctx, metav1.ListOptions{ResourceVersion: version})
	if err == nil {
		defer w.Stop()
		select {
		case event := <-w.ResultChan():
			if event.Type != watch.Error {
				return errStillWatched
			}
			err = apierrors.FromObject(event.Object)
		case <-time.After(3 * time.Second):
			return errStillWatched
		}
	}
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return nil
	}
	return err
}
