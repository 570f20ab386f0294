package controller

import (
	"context"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
)

// Jobs are the plain Jobs that somebody wants recorded. What is recorded of one
// is in [JobFacts] and [MapJob].
type Jobs struct {
	// Selector chooses Jobs by their labels; nil means none.
	Selector labels.Selector
	// Namespaces are where to look; empty means everywhere.
	Namespaces []string
}

// Kind is Job.
func (*Jobs) Kind() schema.GroupVersionKind { return batchv1.SchemeGroupVersion.WithKind("Job") }

// Noun is "job".
func (*Jobs) Noun() string { return "job" }

// New is an empty Job.
func (*Jobs) New() client.Object { return &batchv1.Job{} }

// Cache watches only what is chosen, and keeps of a Job its marks, its labels,
// whose it is and how it ended.
func (j *Jobs) Cache() cache.ByObject {
	by := cache.ByObject{Label: j.Selector, Transform: stripJob}
	if j.Selector == nil {
		by.Label = labels.Nothing()
	}
	for _, namespace := range j.Namespaces {
		if by.Namespaces == nil {
			by.Namespaces = map[string]cache.Config{}
		}
		by.Namespaces[namespace] = cache.Config{}
	}
	return by
}

func stripJob(object any) (any, error) {
	if job, ok := object.(*batchv1.Job); ok {
		stripMetadata(job)
		job.Spec = batchv1.JobSpec{}
		var ended []batchv1.JobCondition
		if c := jobFinished(job); c != nil {
			ended = []batchv1.JobCondition{{Type: c.Type, Status: c.Status}}
			if awaited(job) {
				ended[0].LastTransitionTime = c.LastTransitionTime
			}
		}
		job.Status = batchv1.JobStatus{Conditions: ended}
	}
	return object, nil
}

// Records the chosen Jobs but for those that an execution had made: they are
// part of the execution's record.
func (j *Jobs) Records(o client.Object) bool {
	chosen := j.Selector != nil && j.Selector.Matches(labels.Set(o.GetLabels()))
	here := len(j.Namespaces) == 0 || slices.Contains(j.Namespaces, o.GetNamespace())
	return chosen && here && !ofAnExecution(o)
}

func ofAnExecution(o client.Object) bool {
	return o.GetLabels()[v1.ExecutionUIDLabel] != "" ||
		slices.ContainsFunc(o.GetOwnerReferences(), func(ref metav1.OwnerReference) bool {
			group, err := schema.ParseGroupVersion(ref.APIVersion)
			return err == nil && group.Group == v1.GroupVersion.Group && ref.Kind == v1.Kind
		})
}

// Ended tells whether the Job controller has declared the Job complete or failed.
func (*Jobs) Ended(o client.Object) bool {
	job, ok := o.(*batchv1.Job)
	return ok && jobFinished(job) != nil
}

// CompletedAt is when the Job controller declared it.
func (*Jobs) CompletedAt(o client.Object) time.Time {
	if job, ok := o.(*batchv1.Job); ok && jobFinished(job) != nil {
		return jobFinished(job).LastTransitionTime.Time
	}
	return time.Time{}
}

// Observe reads the Job and its pods.
func (*Jobs) Observe(ctx context.Context, api client.Reader, cluster string, t target) (audit.Record, error) {
	f := JobFacts{Cluster: cluster, Job: &batchv1.Job{}}
	if err := api.Get(ctx, t.name, f.Job); apierrors.IsNotFound(err) {
		return audit.Record{}, errReplaced
	} else if err != nil {
		return audit.Record{}, &apiError{"get job", t.uid, err}
	}
	if f.Job.UID != t.uid {
		return audit.Record{}, errReplaced
	}
	// The API server has checked the selector when it took the Job.
	if selector, err := metav1.LabelSelectorAsSelector(f.Job.Spec.Selector); err == nil && !selector.Empty() {
		var pods corev1.PodList
		if err := api.List(ctx, &pods, client.InNamespace(t.name.Namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
			return audit.Record{}, &apiError{"list the pods of job", t.uid, err}
		}
		f.Pods = pods.Items
	}
	return MapJob(f), nil
}
