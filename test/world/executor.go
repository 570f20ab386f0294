package world

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
)

// Executor stands in for the controller that runs executions: it makes their
// Jobs, waits for what the real Job controller makes of them, and writes the
// executions' status. It knows nothing of auditflow.
type Executor struct{ Client client.WithWatch }

// NewExecutor connects to the cluster.
func NewExecutor(config *rest.Config) (*Executor, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	if err := v1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("executor: %w", err)
	}
	return &Executor{Client: c}, nil
}

// Plan says how an execution goes. The zero value is a Job whose only pod
// succeeds after 50 ms.
type Plan struct {
	// Refusal, when set, is the message with which validation fails: there is
	// no Job then, and no result.
	Refusal string
	// ExitCodes are those of the Job's pods in their order; the last repeats.
	ExitCodes []int
	// Retries is how often the Job may start another pod.
	Retries int32
	// Duration is how long each pod runs, as in 50ms.
	Duration string
	// Deadline ends the Job from outside, in seconds; 0 means never.
	Deadline int64
	// Output and Error are what the action reports.
	Output, Error string
	// Phase is the terminal phase, when not the Job's: Cancelled.
	Phase v1.Phase
	// BeforeEnd runs after the Job has finished and before the status says so.
	BeforeEnd func(ctx context.Context, job *batchv1.Job) error
	// JobRef, when set, is the Job that the status names instead of the right one.
	JobRef *v1.JobReference
}

// Completion is what the executor knows to have happened: the other side of the
// books.
type Completion struct {
	Name    types.NamespacedName
	UID     types.UID
	Phase   v1.Phase
	Success bool
	// At is when the API server acknowledged the terminal status.
	At time.Time
}

// Execute runs one execution from its creation to its terminal status.
func (e *Executor) Execute(ctx context.Context, ex *v1.KubernetesExecution, p Plan) (Completion, error) {
	job, err := e.Begin(ctx, ex, p)
	if err != nil {
		return Completion{}, err
	}
	if job == nil {
		return e.Refuse(ctx, ex, p.Refusal)
	}
	if err := e.awaitEnd(ctx, job); err != nil {
		return Completion{}, fmt.Errorf("execution %s: wait for its job: %w", ex.Name, err)
	}
	if p.BeforeEnd != nil {
		if err := p.BeforeEnd(ctx, job); err != nil {
			return Completion{}, fmt.Errorf("execution %s: before its end: %w", ex.Name, err)
		}
	}
	return e.end(ctx, ex, job, p)
}

// Begin creates the execution and its Job and leaves it running. The Job is nil
// for a plan that refuses.
func (e *Executor) Begin(ctx context.Context, ex *v1.KubernetesExecution, p Plan) (*batchv1.Job, error) {
	if err := e.Client.Create(ctx, ex); err != nil {
		return nil, fmt.Errorf("create execution %s: %w", ex.Name, err)
	}
	if p.Refusal != "" {
		return nil, nil
	}
	job := p.job(ex)
	if err := e.Client.Create(ctx, job); err != nil {
		return nil, fmt.Errorf("create job of %s: %w", ex.Name, err)
	}
	return job, e.writeStatus(ctx, ex, map[string]any{
		"phase": v1.PhaseExecuting, "jobRef": p.jobRef(job),
	})
}

func (p Plan) jobRef(job *batchv1.Job) *v1.JobReference {
	if p.JobRef != nil {
		return p.JobRef
	}
	return &v1.JobReference{Namespace: job.Namespace, Name: job.Name}
}

func (p Plan) job(ex *v1.KubernetesExecution) *batchv1.Job {
	codes := make([]string, 0, len(p.ExitCodes))
	for _, c := range p.ExitCodes {
		codes = append(codes, strconv.Itoa(c))
	}
	annotations := map[string]string{AnnotationExitCodes: strings.Join(codes, ",")}
	if p.Duration != "" {
		annotations[AnnotationDuration] = p.Duration
	}
	if len(codes) == 0 {
		delete(annotations, AnnotationExitCodes)
	}
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: ex.Namespace, Name: ex.Name,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(ex, v1.GroupVersion.WithKind(v1.Kind))},
		},
		Spec: batchv1.JobSpec{
			BackoffLimit: &p.Retries,
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Annotations: annotations, Labels: map[string]string{v1.ExecutionUIDLabel: string(ex.UID)}},
				Spec: corev1.PodSpec{
					NodeName: NodeName, RestartPolicy: corev1.RestartPolicyNever,
					Containers: []corev1.Container{{Name: "action", Image: "registry.example/kubectl:1.37"}},
				},
			},
		},
	}
	if p.Deadline > 0 {
		job.Spec.ActiveDeadlineSeconds = &p.Deadline
	}
	return job
}

// awaitEnd watches the Job until the Job controller calls it complete or failed,
// and keeps the last state of it in job.
func (e *Executor) awaitEnd(ctx context.Context, job *batchv1.Job) error {
	for {
		if finished(job) {
			return nil
		}
		if err := e.followUntilClosed(ctx, job); err != nil {
			return err
		}
		if err := e.Client.Get(ctx, client.ObjectKeyFromObject(job), job); err != nil {
			return err
		}
	}
}

func (e *Executor) followUntilClosed(ctx context.Context, job *batchv1.Job) error {
	w, err := e.Client.Watch(ctx, &batchv1.JobList{}, client.InNamespace(job.Namespace), client.MatchingFields{"metadata.name": job.Name})
	if err != nil {
		return err
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		if seen, ok := event.Object.(*batchv1.Job); ok {
			seen.DeepCopyInto(job)
			if finished(job) {
				return nil
			}
		}
	}
	return ctx.Err()
}

func finished(job *batchv1.Job) bool { return succeeded(job) || condition(job, batchv1.JobFailed) }

func succeeded(job *batchv1.Job) bool { return condition(job, batchv1.JobComplete) }

func condition(job *batchv1.Job, kind batchv1.JobConditionType) bool {
	for _, c := range job.Status.Conditions {
		if c.Type == kind && c.Status == corev1.ConditionTrue {
			return true
		}
	}
	return false
}

func (e *Executor) end(ctx context.Context, ex *v1.KubernetesExecution, job *batchv1.Job, p Plan) (Completion, error) {
	c := Completion{Phase: v1.PhaseFailed, Success: succeeded(job)}
	if c.Success {
		c.Phase = v1.PhaseCompleted
	}
	if p.Phase != "" {
		c.Phase, c.Success = p.Phase, false
	}
	failedPods := job.Status.Failed
	if !succeeded(job) {
		failedPods-- // the last failure was not followed by another try
	}
	err := e.writeStatus(ctx, ex, map[string]any{
		"phase": c.Phase, "retryCount": max(0, failedPods), "jobRef": p.jobRef(job),
		"result": map[string]any{
			"success": c.Success, "output": p.Output, "error": p.Error,
			"startTime": micros(job.CreationTimestamp.Time), "endTime": micros(time.Now()),
		},
	})
	return completed(c, ex), err
}

// Refuse ends an execution that has no Job, as validation does.
func (e *Executor) Refuse(ctx context.Context, ex *v1.KubernetesExecution, message string) (Completion, error) {
	c := Completion{Phase: v1.PhaseFailed}
	err := e.writeStatus(ctx, ex, map[string]any{
		"phase": c.Phase,
		"conditions": []metav1.Condition{{
			Type: string(v1.PhaseFailed), Status: metav1.ConditionTrue, Reason: "ValidationFailed", Message: message,
			LastTransitionTime: metav1.Now(),
		}},
	})
	return completed(c, ex), err
}

func completed(c Completion, ex *v1.KubernetesExecution) Completion {
	c.Name, c.UID, c.At = client.ObjectKeyFromObject(ex), ex.UID, time.Now()
	return c
}

// micros writes a time with its fraction; metav1.Time would cut it off, but
// reads it.
func micros(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z07:00") }

func (e *Executor) writeStatus(ctx context.Context, ex *v1.KubernetesExecution, status map[string]any) error {
	body, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	bare := &v1.KubernetesExecution{ObjectMeta: metav1.ObjectMeta{Namespace: ex.Namespace, Name: ex.Name}}
	if err := e.Client.Status().Patch(ctx, bare, client.RawPatch(types.MergePatchType, body)); err != nil {
		return fmt.Errorf("write status of %s: %w", ex.Name, err)
	}
	return nil
}
