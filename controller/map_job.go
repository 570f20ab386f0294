package controller

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
)

// JobFacts is all that is known of a plain Job at one moment.
type JobFacts struct {
	Cluster string
	Job     *batchv1.Job
	Pods    []corev1.Pod // those its selector finds
}

// MapJob turns facts into the record of a plain Job. It is pure, as [Map] is.
// What an execution has in its spec, a Job has in annotations.
func MapJob(f JobFacts) audit.Record {
	job := f.Job
	r := audit.Record{
		ID:          audit.ID(f.Cluster, string(job.UID)),
		ExecutionID: job.Name,
		WorkflowRef: cmp.Or(job.Annotations[v1.WorkflowRefAnnotation], controllerOf(job)),

		ActionType: cmp.Or(job.Annotations[v1.ActionAnnotation], defaultAction),

		RetryCount: jobRetries(job),
		MaxRetries: ptr.Deref(job.Spec.BackoffLimit, 0),

		CreatedAt: job.CreationTimestamp.UTC(),
		Phase:     string(jobPhase(job)),
		Success:   jobPhase(job) == v1.PhaseCompleted,
		Error:     jobError(job),
		StartTime: instant(job.Status.StartTime),
		EndTime:   plainJobEnd(job),

		JobName: job.Name,

		Cluster:            f.Cluster,
		ExecutionNamespace: job.Namespace,
		ExecutionUID:       string(job.UID),
		Source:             (&Jobs{}).Kind().Kind,
	}
	r.CompletedAt = r.EndTime
	if !jobPhase(job).Terminal() {
		r.CompletedAt = instant(job.DeletionTimestamp)
	}
	r.Duration = span(r.StartTime, r.EndTime)
	fillStep(&r, job.Annotations)
	fillParameters(&r, job.Annotations)
	fillTarget(&r, job)
	if ended := fillPod(&r, podsOf(job, f.Pods), job, reasonPodGone); ended != nil {
		r.Output = ended.Message // what the container left in its termination log
	}
	return r
}

// defaultAction is the action of a Job that does not name one.
const defaultAction = "job"

// controllerOf is the name of what made the Job, a CronJob as a rule.
func controllerOf(job *batchv1.Job) string {
	if owner := metav1.GetControllerOf(job); owner != nil {
		return owner.Name
	}
	return ""
}

// podsOf leaves out pods of an earlier Job. A pod that was orphaned has lost its
// owner reference and kept the label with the UID.
func podsOf(job *batchv1.Job, found []corev1.Pod) (own []corev1.Pod) {
	for _, pod := range found {
		if hasOwner(&pod, job) || pod.Labels[batchv1.ControllerUidLabel] == string(job.UID) {
			own = append(own, pod)
		}
	}
	return own
}

// jobRetries counts the failed pods that were followed by another try, as
// executors count: the last failure of a failed Job was not.
func jobRetries(job *batchv1.Job) int32 {
	if jobPhase(job) == v1.PhaseFailed {
		return max(0, job.Status.Failed-1)
	}
	return job.Status.Failed
}

// phaseSuspended is where a Job stands that was deleted before it was resumed.
const phaseSuspended v1.Phase = "Suspended"

func jobPhase(job *batchv1.Job) v1.Phase {
	switch c := jobFinished(job); {
	case c != nil && c.Type == batchv1.JobComplete:
		return v1.PhaseCompleted
	case c != nil:
		return v1.PhaseFailed
	case ptr.Deref(job.Spec.Suspend, false):
		return phaseSuspended
	case job.Status.StartTime != nil:
		return v1.PhaseExecuting
	}
	return v1.PhasePending
}

func jobError(job *batchv1.Job) string {
	switch c := jobFinished(job); {
	case c == nil:
		return fmt.Sprintf("deleted before it completed, in phase %s", jobPhase(job))
	case c.Type == batchv1.JobFailed:
		return fmt.Sprintf("%s: %s", c.Reason, c.Message)
	}
	return ""
}

// plainJobEnd is when the last pod of a complete Job ended, else when the Job was
// declared failed; an unfinished one has no end.
func plainJobEnd(job *batchv1.Job) time.Time {
	if done := instant(job.Status.CompletionTime); !done.IsZero() && jobPhase(job) == v1.PhaseCompleted {
		return done
	}
	return jobEnd(job)
}

// fillStep takes a step that is no number for none, and says so.
func fillStep(r *audit.Record, annotations map[string]string) {
	text := annotations[v1.StepIndexAnnotation]
	if text == "" {
		return
	}
	step, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		r.Notes = append(r.Notes, audit.Note{Change: audit.ChangeNotNumber, Path: "step_index", Count: 1})
		return
	}
	r.StepIndex = int32(step)
}

// fillParameters keeps what is no JSON as a string, and says so.
func fillParameters(r *audit.Record, annotations map[string]string) {
	text := annotations[v1.ParametersAnnotation]
	switch {
	case text == "":
	case json.Valid([]byte(text)):
		r.ActionParameters = json.RawMessage(text)
	default:
		quoted, err := json.Marshal(text)
		if err == nil { // which a string always is
			r.ActionParameters = quoted
		}
		r.Notes = append(r.Notes, audit.Note{Change: audit.ChangeNotJSON, Path: "action_parameters", Count: 1})
	}
}

// fillTarget takes the target as far as annotations name one; a Job that names
// none is its own target.
func fillTarget(r *audit.Record, job *batchv1.Job) {
	r.TargetNamespace = job.Annotations[v1.TargetNamespaceAnnotation]
	r.TargetResourceKind = job.Annotations[v1.TargetKindAnnotation]
	r.TargetResourceName = job.Annotations[v1.TargetNameAnnotation]
	if r.TargetNamespace+r.TargetResourceKind+r.TargetResourceName == "" {
		r.TargetNamespace, r.TargetResourceKind, r.TargetResourceName = job.Namespace, r.Source, job.Name
	}
}
