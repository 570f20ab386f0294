package controller

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
)

// Executions are the KubernetesExecutions of the whole cluster. What is recorded
// of one is in [Facts] and [Map].
type Executions struct{ _ byte } // not empty: pointers to it must differ

// Kind is KubernetesExecution.
func (*Executions) Kind() schema.GroupVersionKind { return v1.GroupVersion.WithKind(v1.Kind) }

// Noun is "execution".
func (*Executions) Noun() string { return "execution" }

// New is an empty execution.
func (*Executions) New() client.Object { return &v1.KubernetesExecution{} }

// Cache keeps of an execution its marks and its phase, and until it is marked
// its end.
func (*Executions) Cache() cache.ByObject {
	return cache.ByObject{Transform: func(object any) (any, error) {
		if ex, ok := object.(*v1.KubernetesExecution); ok {
			stripMetadata(ex)
			ex.Labels, ex.OwnerReferences = nil, nil
			ex.Spec = v1.KubernetesExecutionSpec{}
			ended := endOf(ex)
			ex.Status = v1.KubernetesExecutionStatus{Phase: v1.Phase(shared(string(ex.Status.Phase)))}
			if awaited(ex) && ended != nil {
				ex.Status.Result = &v1.Result{EndTime: ended}
			}
		}
		return object, nil
	}}
}

// Records every execution there is.
func (*Executions) Records(client.Object) bool { return true }

// Ended tells whether the phase is a terminal one.
func (*Executions) Ended(o client.Object) bool {
	ex, ok := o.(*v1.KubernetesExecution)
	return ok && ex.Status.Phase.Terminal()
}

// CompletedAt is the end time of its result.
func (*Executions) CompletedAt(o client.Object) time.Time {
	if ex, ok := o.(*v1.KubernetesExecution); ok && endOf(ex) != nil {
		return endOf(ex).Time
	}
	return time.Time{}
}

func endOf(ex *v1.KubernetesExecution) *metav1.Time {
	if ex.Status.Result == nil {
		return nil
	}
	return ex.Status.Result.EndTime
}

// Observe reads the execution, its Job and its pods.
func (*Executions) Observe(ctx context.Context, api client.Reader, cluster string, t target) (audit.Record, error) {
	facts, err := observe(ctx, api, cluster, t)
	if err != nil {
		return audit.Record{}, err
	}
	return Map(facts), nil
}
