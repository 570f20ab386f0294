//go:build chart

package chart

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	door "github.com/auditflow/auditflow/controller"
	"github.com/auditflow/auditflow/test/pods"
	"github.com/auditflow/auditflow/test/world"
)

// What a controller does for a cluster, as steps that can be seen from outside.
const (
	ready        = "it is ready"
	leads        = "it leads"
	leadTold     = "an event tells that it leads"
	execution    = "an execution is recorded, with its Job and pods"
	told         = "an event tells so"
	toldAgain    = "an event that comes again is counted"
	reviewed     = "a recorded execution goes after its review window"
	job          = "a Job is recorded, with its pods"
	jobReviewed  = "a recorded Job goes after its review window"
	stray        = "a Job that is held and not watched is let go"
	leaseBack    = "the lease is renewed and given back"
	releaseFrees = "controller release frees what is held"
)

// journey is one run of a controller: its own objects, and what became of each step.
type journey struct {
	*stage
	name    string // of its objects, at the beginning
	process *pods.Process
	done    map[string]bool
	unmark  bool // whether the mark of the kept execution was taken off
}

// whileItRuns are the steps that are looked at until they are done.
func (j *journey) whileItRuns() map[string]func(context.Context) bool {
	return map[string]func(context.Context) bool{
		ready:    j.process.Ready,
		leads:    func(ctx context.Context) bool { return j.holder(ctx) != "" },
		leadTold: j.leadTold,
		execution: func(ctx context.Context) bool {
			return recorded(ctx, j.executor.Client, &v1.KubernetesExecution{}, j.key("kept"))
		},
		told:      func(ctx context.Context) bool { return j.event(ctx) != nil },
		toldAgain: j.toldAgain,
		reviewed: func(ctx context.Context) bool {
			return gone(ctx, j.executor.Client, &v1.KubernetesExecution{}, j.key("reviewed"))
		},
		job: func(ctx context.Context) bool {
			return recorded(ctx, j.executor.Client, &batchv1.Job{}, j.key("job-kept"))
		},
		jobReviewed: func(ctx context.Context) bool {
			return gone(ctx, j.executor.Client, &batchv1.Job{}, j.key("job-reviewed"))
		},
		stray: func(ctx context.Context) bool { return free(ctx, j.executor.Client, &batchv1.Job{}, j.key("stray")) },
	}
}

func (j *journey) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: j.stage.name, Name: j.name + "-" + name}
}

func recorded(ctx context.Context, c client.Client, o client.Object, key client.ObjectKey) bool {
	return c.Get(ctx, key, o) == nil && o.GetAnnotations()[v1.PersistedAnnotation] != "" && !slices.Contains(o.GetFinalizers(), v1.DeliveryFinalizer)
}

func gone(ctx context.Context, c client.Client, o client.Object, key client.ObjectKey) bool {
	return apierrors.IsNotFound(c.Get(ctx, key, o))
}

func free(ctx context.Context, c client.Client, o client.Object, key client.ObjectKey) bool {
	return c.Get(ctx, key, o) == nil && len(o.GetFinalizers()) == 0
}

func (s *stage) holder(ctx context.Context) string {
	lease, err := s.api.CoordinationV1().Leases(s.name).Get(ctx, "auditflow-controller", metav1.GetOptions{})
	if err != nil || lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// leadTold looks for the event about the lease that a process has taken, and knows it has.
func (s *stage) leadTold(ctx context.Context) bool {
	holder := s.holder(ctx)
	events, err := s.api.CoreV1().Events(s.name).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.kind=Lease,reason=LeaderElection"})
	return err == nil && holder != "" && slices.ContainsFunc(events.Items, func(e corev1.Event) bool {
		return strings.Contains(e.Message, holder)
	})
}

// event is the one about the kept execution; nil if there is none.
func (j *journey) event(ctx context.Context) *corev1.Event {
	events, err := j.api.CoreV1().Events(j.stage.name).List(ctx, metav1.ListOptions{
		FieldSelector: "reason=AuditPersisted,involvedObject.name=" + j.key("kept").Name,
	})
	if err != nil || len(events.Items) == 0 {
		return nil
	}
	return &events.Items[0]
}

// toldAgain takes the mark off, as somebody might, when the event is there: the record is
// persisted already, and the mark comes back, and with it the same event.
func (j *journey) toldAgain(ctx context.Context) bool {
	event := j.event(ctx)
	if event == nil {
		return false
	}
	if !j.unmark {
		ex := &v1.KubernetesExecution{ObjectMeta: metav1.ObjectMeta{Namespace: j.key("kept").Namespace, Name: j.key("kept").Name}}
		off := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:null}}}`, v1.PersistedAnnotation)
		j.unmark = j.executor.Client.Patch(ctx, ex, client.RawPatch("application/merge-patch+json", off)) == nil
	}
	return event.Series != nil && event.Series.Count > 1
}

// before makes what is there already: held by somebody who does so no more.
func (j *journey) before(t *testing.T) {
	t.Helper()
	for _, name := range []string{"stray", "job-held"} {
		o := j.plainJob(name, nil)
		o.Spec.Suspend = new(true)
		o.Finalizers = []string{v1.DeliveryFinalizer}
		if name == "job-held" { // by whoever runs now
			o.Labels = map[string]string{"audit.kubernaut.io/record": "true"}
		}
		j.create(t, o)
	}
	j.create(t, j.execution("held", func(o *v1.KubernetesExecution) { o.Finalizers = []string{v1.DeliveryFinalizer} }))
}

// completes makes what the controller is to record, and ends it.
func (j *journey) completes(t *testing.T) {
	t.Helper()
	keep := map[string]string{v1.KeepAnnotation: "true"}
	for name, annotations := range map[string]map[string]string{"job-kept": keep, "job-reviewed": nil} {
		o := j.plainJob(name, annotations)
		o.Labels = map[string]string{"audit.kubernaut.io/record": "true"}
		j.create(t, o)
	}
	refused := j.execution("reviewed", nil)
	if _, err := j.executor.Execute(t.Context(), refused, world.Plan{Refusal: "no"}); err != nil {
		t.Fatal(err)
	}
	kept := j.execution("kept", func(o *v1.KubernetesExecution) { o.Annotations = keep })
	if _, err := j.executor.Execute(t.Context(), kept, world.Plan{}); err != nil {
		t.Fatal(err)
	}
}

func (j *journey) create(t *testing.T, o client.Object) {
	t.Helper()
	if err := j.executor.Client.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func (j *journey) execution(name string, more func(*v1.KubernetesExecution)) *v1.KubernetesExecution {
	o := &v1.KubernetesExecution{
		ObjectMeta: metav1.ObjectMeta{Namespace: j.key(name).Namespace, Name: j.key(name).Name},
		Spec: v1.KubernetesExecutionSpec{
			WorkflowExecutionRef: corev1.ObjectReference{Name: "w", Namespace: j.stage.name},
			Action:               v1.Action{Type: "restart-deployment"},
		},
	}
	if more != nil {
		more(o)
	}
	return o
}

func (j *journey) plainJob(name string, annotations map[string]string) *batchv1.Job {
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: j.key(name).Namespace, Name: j.key(name).Name, Annotations: annotations},
		Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			NodeName: world.NodeName, RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{{Name: "work", Image: "registry.example/work:1"}},
		}}},
	}
}

// clean frees and removes all objects, whatever became of them.
func (j *journey) clean(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	for _, s := range door.Sources() {
		if _, err := (door.Release{Client: j.executor.Client, Unpersisted: true}).Run(ctx, s); err != nil {
			t.Error(err)
		}
		if err := j.executor.Client.DeleteAllOf(ctx, s.New(), client.InNamespace(j.stage.name), client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
			t.Error(err)
		}
	}
}
