package controller

import (
	"context"
	"errors"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
)

// Facts is all that is known of an execution at one moment. What was looked
// for and not found is nil; [Map] judges whether Job and pods may be trusted.
type Facts struct {
	Cluster   string
	Execution *v1.KubernetesExecution
	Job       *batchv1.Job // the one jobRef names
	Pods      []corev1.Pod // those labelled with that Job's name
}

// errReplaced: the object is gone; one of the same name may have taken its place.
var errReplaced = errors.New("the object is gone")

// observe reads the facts from the API server, past any cache: Job and pods may
// vanish seconds after they finish, and a cached execution is stripped.
func observe(ctx context.Context, api client.Reader, cluster string, t target) (Facts, error) {
	f := Facts{Cluster: cluster, Execution: &v1.KubernetesExecution{}}
	if err := api.Get(ctx, t.name, f.Execution); apierrors.IsNotFound(err) {
		return Facts{}, errReplaced
	} else if err != nil {
		return Facts{}, &apiError{"get execution", t.uid, err}
	}
	if f.Execution.UID != t.uid {
		return Facts{}, errReplaced
	}
	name, ok := jobName(f.Execution)
	if !ok || !possible(name) {
		return f, nil
	}
	job := &batchv1.Job{}
	switch err := api.Get(ctx, name, job); {
	case err == nil:
		f.Job = job
	case !apierrors.IsNotFound(err):
		return Facts{}, &apiError{"get the job of execution", t.uid, err}
	}
	var pods corev1.PodList
	if err := api.List(ctx, &pods, client.InNamespace(name.Namespace), client.MatchingLabels{batchv1.JobNameLabel: name.Name}); err != nil {
		return Facts{}, &apiError{"list the pods of execution", t.uid, err}
	}
	f.Pods = pods.Items
	return f, nil
}

// possible tells whether a Job can have this name: the status is anybody's text,
// and asking the API server for another name is an error for ever, not an
// answer. A Job's name is also the label of its pods, hence both rules.
func possible(name types.NamespacedName) bool {
	return len(validation.IsDNS1123Label(name.Namespace)) == 0 &&
		len(validation.IsDNS1123Subdomain(name.Name)) == 0 &&
		len(validation.IsValidLabelValue(name.Name)) == 0
}

// jobName is the Job the execution points at, if any.
func jobName(ex *v1.KubernetesExecution) (types.NamespacedName, bool) {
	ref := ex.Status.JobRef
	if ref == nil || ref.Name == "" {
		return types.NamespacedName{}, false
	}
	if ref.Namespace == "" {
		return types.NamespacedName{Namespace: ex.Namespace, Name: ref.Name}, true
	}
	return types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}, true
}
