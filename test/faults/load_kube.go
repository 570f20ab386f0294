package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kubeclient "sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
)

// writer stands in for the controller that runs executions: it creates them and
// writes how they ended, and keeps the books. An API server that does not answer
// it asks again: what it wrote may be there.
type writer struct {
	load
	*trial
	number int
	serial *atomic.Int64
}

func (w writer) run(ctx context.Context, stop <-chan struct{}) error {
	for i := 0; !stopped(stop) && ctx.Err() == nil; i++ {
		name := fmt.Sprintf("%s-%sk%d-%d", w.name, w.label, w.number, i)
		if err := w.execute(ctx, stop, name); err != nil {
			return err
		}
		_ = rest(ctx, w.pause) // when ctx has ended, the loop does
	}
	return nil
}

func (w writer) execute(ctx context.Context, stop <-chan struct{}, name string) error {
	x := w.author(name, int(w.serial.Add(1)))
	api := w.executor.Client
	ex := &v1.KubernetesExecution{}
	err := persist(ctx, stop, "create an execution", func(ctx context.Context) error {
		ex = w.begun(name)
		err := api.Create(ctx, ex)
		if apierrors.IsAlreadyExists(err) { // nobody said so the first time
			return api.Get(ctx, types.NamespacedName{Namespace: w.name, Name: name}, ex)
		}
		return err
	})
	if err != nil {
		return err
	}
	x.UID = string(ex.UID)
	w.books.Attempt(x)
	if w.deletes { // what is gone before a controller has seen it nobody can hold
		err := persist(ctx, stop, "have an execution held", func(ctx context.Context) error { return w.held(ctx, name) })
		if err != nil {
			return err
		}
	}
	status, err := ended(x.Success, x.Output)
	if err != nil {
		return err
	}
	err = persist(ctx, stop, "end an execution", func(ctx context.Context) error {
		bare := &v1.KubernetesExecution{ObjectMeta: metav1.ObjectMeta{Namespace: w.name, Name: name}}
		return api.Status().Patch(ctx, bare, kubeclient.RawPatch(types.MergePatchType, status))
	})
	if err != nil {
		return err
	}
	w.books.Complete(x.UID, name, time.Now())
	if !w.deletes {
		return nil
	}
	return persist(ctx, stop, "delete an execution", func(ctx context.Context) error {
		return kubeclient.IgnoreNotFound(api.Delete(ctx, ex))
	})
}

// held waits for the finalizer.
func (w writer) held(ctx context.Context, name string) error {
	for {
		ex := &v1.KubernetesExecution{}
		if err := w.executor.Client.Get(ctx, types.NamespacedName{Namespace: w.name, Name: name}, ex); err != nil {
			return err
		}
		if len(ex.Finalizers) > 0 {
			return nil
		}
		if err := rest(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("it is not held: %w", err)
		}
	}
}

func (w writer) begun(name string) *v1.KubernetesExecution {
	return &v1.KubernetesExecution{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.name, Name: name},
		Spec: v1.KubernetesExecutionSpec{
			WorkflowExecutionRef: corev1.ObjectReference{Name: w.name},
			Action:               v1.Action{Type: "scale-deployment", Target: v1.Target{Namespace: "shop", ResourceKind: "Deployment", ResourceName: "web"}},
		},
	}
}

// ended is the terminal status, made once: written twice it must be the same.
func ended(success bool, output string) ([]byte, error) {
	phase := v1.PhaseCompleted
	if !success {
		phase = v1.PhaseFailed
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	return json.Marshal(map[string]any{"status": map[string]any{
		"phase":  phase,
		"result": map[string]any{"success": success, "output": output, "startTime": now.Add(-time.Second), "endTime": now},
	}})
}
