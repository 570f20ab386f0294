package controller

import (
	"encoding/json"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
)

// Map turns facts into the record of an execution. It is pure: the same facts
// give the same bytes, whenever and however often it is called. Times come from
// the objects, never from a clock, and what the facts do not tell stays unknown.
func Map(f Facts) audit.Record {
	ex := f.Execution
	job := ownJob(f)
	r := audit.Record{
		ID:          audit.ID(f.Cluster, string(ex.UID)),
		ExecutionID: ex.Name,
		WorkflowRef: ex.Spec.WorkflowExecutionRef.Name,
		StepIndex:   ex.Spec.StepIndex,

		ActionType:         ex.Spec.Action.Type,
		ActionParameters:   parameters(ex),
		TargetNamespace:    ex.Spec.Action.Target.Namespace,
		TargetResourceKind: ex.Spec.Action.Target.ResourceKind,
		TargetResourceName: ex.Spec.Action.Target.ResourceName,

		RetryCount: ex.Status.RetryCount,
		MaxRetries: ex.Spec.MaxRetries,

		CreatedAt: ex.CreationTimestamp.UTC(),
		Phase:     string(phase(ex)),

		Cluster:            f.Cluster,
		ExecutionNamespace: ex.Namespace,
		ExecutionUID:       string(ex.UID),
		Source:             v1.Kind,
	}
	fillResult(&r, ex, job)
	fillJob(&r, f, job)
	return r
}

func parameters(ex *v1.KubernetesExecution) json.RawMessage {
	if p := ex.Spec.Action.Parameters; p != nil {
		return p.Raw
	}
	return nil
}

// phase is the last one the executor wrote. An execution deleted while running
// keeps the phase it was in: nobody saw it end.
func phase(ex *v1.KubernetesExecution) v1.Phase {
	if ex.Status.Phase == "" {
		return v1.PhasePending
	}
	return ex.Status.Phase
}

func fillResult(r *audit.Record, ex *v1.KubernetesExecution, job *batchv1.Job) {
	ended := phase(ex).Terminal()
	if result := ex.Status.Result; result != nil {
		r.Success = result.Success && ended
		r.Output, r.Error = result.Output, result.Error
		r.StartTime, r.EndTime = instant(result.StartTime), instant(result.EndTime)
	} else {
		r.Success = phase(ex) == v1.PhaseCompleted
	}
	if r.StartTime.IsZero() && job != nil {
		r.StartTime = instant(job.Status.StartTime)
	}
	if r.EndTime.IsZero() {
		r.EndTime = jobEnd(job)
	}
	r.Duration = span(r.StartTime, r.EndTime)
	if r.Error == "" && !r.Success {
		r.Error = reason(ex)
	}
	r.CompletedAt = completedAt(r.EndTime, ex)
}

// reason says why an execution without a result of its own did not succeed.
func reason(ex *v1.KubernetesExecution) string {
	if !phase(ex).Terminal() {
		return fmt.Sprintf("deleted before it completed, in phase %s", phase(ex))
	}
	if c := endCondition(ex); c != nil {
		return fmt.Sprintf("%s: %s", c.Reason, c.Message)
	}
	return ""
}

// completedAt is the end time, else when the terminal condition was set, else
// when somebody deleted an unfinished execution.
func completedAt(end time.Time, ex *v1.KubernetesExecution) time.Time {
	if !phase(ex).Terminal() {
		return instant(ex.DeletionTimestamp)
	}
	if !end.IsZero() {
		return end
	}
	if c := endCondition(ex); c != nil {
		return c.LastTransitionTime.UTC()
	}
	return time.Time{}
}

// endCondition is the condition named like the terminal phase; executors that
// have no such condition leave the one that changed last.
func endCondition(ex *v1.KubernetesExecution) *metav1.Condition {
	if c := apimeta.FindStatusCondition(ex.Status.Conditions, string(ex.Status.Phase)); c != nil && c.Status == metav1.ConditionTrue {
		return c
	}
	var last *metav1.Condition
	for i := range ex.Status.Conditions {
		c := &ex.Status.Conditions[i]
		if last == nil || c.LastTransitionTime.After(last.LastTransitionTime.Time) {
			last = c
		}
	}
	return last
}

// jobEnd is when the Job controller declared the Job finished.
func jobEnd(job *batchv1.Job) time.Time {
	if c := jobFinished(job); c != nil {
		return c.LastTransitionTime.UTC()
	}
	return time.Time{}
}

func jobFinished(job *batchv1.Job) *batchv1.JobCondition {
	if job == nil {
		return nil
	}
	for i := range job.Status.Conditions {
		c := &job.Status.Conditions[i]
		if c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) {
			return c
		}
	}
	return nil
}

// span is not known unless both times are, in their order.
func span(start, end time.Time) *time.Duration {
	if start.IsZero() || end.IsZero() || end.Before(start) {
		return nil
	}
	d := end.Sub(start)
	return &d
}

func instant(t *metav1.Time) time.Time {
	if t == nil || t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
