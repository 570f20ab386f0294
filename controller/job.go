package controller

import (
	"cmp"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
)

// Why an exit code is not known. They stand in job_exit_reason where otherwise
// the container's own reason stands.
const (
	reasonNoJob         = "JobNotCreated"
	reasonJobGone       = "JobNotFound"
	reasonNotOwned      = "JobNotOwned" // the Job of that name was made for somebody else
	reasonPodGone       = "PodNotFound"
	reasonNotTerminated = "PodNotTerminated"
)

// usageRequests marks job_resource_usage as what the pod requested. Usage itself
// cannot be read any more once a pod has ended.
const usageRequests = "pod_requests"

// fillJob records the Job as the execution pointed at it, and its pods.
func fillJob(r *audit.Record, f Facts, job *batchv1.Job) {
	name, ok := jobName(f.Execution)
	if !ok {
		r.JobExitReason = reasonNoJob
		return
	}
	r.JobName = name.Name
	fillPod(r, ownPods(f, job), job, whyNoPod(f, job))
}

// fillPod records of a Job's pods the one that decided, and returns how its
// deciding container ended; nil if that is not known. Where there is no pod, the
// Job tells the reason, or else there is only the one given.
func fillPod(r *audit.Record, pods []corev1.Pod, job *batchv1.Job, none string) *corev1.ContainerStateTerminated {
	pod := decidingPod(pods)
	if pod == nil {
		r.JobExitReason = cmp.Or(jobFailure(job), none)
		return nil
	}
	r.JobPodName = pod.Name
	r.JobResourceUsage = requests(pod)
	if r.JobResourceUsage != nil {
		r.ResourceUsageSource = usageRequests
	}
	ended := decidingContainer(pod)
	if ended == nil {
		r.JobExitReason = cmp.Or(pod.Status.Reason, jobFailure(job), reasonNotTerminated)
		return nil
	}
	r.JobExitCode = &ended.ExitCode
	r.JobExitReason = cmp.Or(ended.Reason, pod.Status.Reason)
	r.JobSignal = signal(ended)
	return ended
}

func whyNoPod(f Facts, job *batchv1.Job) string {
	switch {
	case f.Job == nil:
		return reasonJobGone
	case job == nil:
		return reasonNotOwned
	default:
		return reasonPodGone
	}
}

// ownJob is the Job if it was made for this execution. Names are reused, so a
// reference by name proves nothing: an owner reference or label with the UID does.
func ownJob(f Facts) *batchv1.Job {
	if f.Job == nil || !madeFor(f.Execution, f.Job) {
		return nil
	}
	return f.Job
}

// ownPods are the pods of the trusted Job, and those that name the execution
// themselves: they still tell the truth when the Job is gone.
func ownPods(f Facts, job *batchv1.Job) []corev1.Pod {
	var own []corev1.Pod
	for _, pod := range f.Pods {
		ofJob := job != nil && hasOwner(&pod, job)
		if ofJob || pod.Labels[v1.ExecutionUIDLabel] == string(f.Execution.UID) {
			own = append(own, pod)
		}
	}
	return own
}

func madeFor(ex *v1.KubernetesExecution, o metav1.Object) bool {
	return hasOwner(o, ex) || o.GetLabels()[v1.ExecutionUIDLabel] == string(ex.UID)
}

func hasOwner(o, owner metav1.Object) bool {
	return slices.ContainsFunc(o.GetOwnerReferences(), func(ref metav1.OwnerReference) bool {
		return ref.UID == owner.GetUID()
	})
}

// decidingPod is the pod that finished last; if none has, the youngest one. Equal
// times, which have whole seconds, are told apart by age and name.
func decidingPod(pods []corev1.Pod) *corev1.Pod {
	if len(pods) == 0 {
		return nil
	}
	last := slices.MaxFunc(pods, func(a, b corev1.Pod) int {
		return cmp.Or(
			finishedAt(&a).Compare(finishedAt(&b)),
			a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
			cmp.Compare(a.Name, b.Name))
	})
	return &last
}

// finishedAt is when the pod's last container ended; zero while one runs.
func finishedAt(pod *corev1.Pod) (last time.Time) {
	for _, s := range pod.Status.ContainerStatuses {
		if s.State.Terminated == nil {
			return time.Time{}
		}
		if at := s.State.Terminated.FinishedAt; at.After(last) {
			last = at.Time
		}
	}
	return last
}

// decidingContainer is, of the containers that ended, the first that failed, else
// the first in the order of the pod's spec. Init containers count only when one
// of them failed: then the others never ran.
func decidingContainer(pod *corev1.Pod) *corev1.ContainerStateTerminated {
	for _, s := range pod.Status.InitContainerStatuses {
		if t := s.State.Terminated; t != nil && t.ExitCode != 0 {
			return t
		}
	}
	var decided *corev1.ContainerStateTerminated
	for _, s := range inSpecOrder(pod) {
		t := s.State.Terminated
		switch {
		case t == nil:
		case decided == nil,
			t.ExitCode != 0 && decided.ExitCode == 0,
			t.ExitCode != 0 && t.FinishedAt.Before(&decided.FinishedAt):
			decided = t
		}
	}
	return decided
}

// inSpecOrder sorts the statuses like the containers; the API sorts them by name.
func inSpecOrder(pod *corev1.Pod) []corev1.ContainerStatus {
	place := func(name string) int {
		return slices.IndexFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == name })
	}
	return slices.SortedStableFunc(slices.Values(pod.Status.ContainerStatuses), func(a, b corev1.ContainerStatus) int {
		return place(a.Name) - place(b.Name)
	})
}

// signal is what the runtime reported, or what it encodes as 128+n, as shells
// and container runtimes do (137 is SIGKILL).
func signal(t *corev1.ContainerStateTerminated) *int32 {
	if t.Signal != 0 {
		return &t.Signal
	}
	if n := t.ExitCode - 128; n >= 1 && n <= 31 {
		return &n
	}
	return nil
}

// jobFailure is the Job controller's own reason: DeadlineExceeded, BackoffLimitExceeded, …
func jobFailure(job *batchv1.Job) string {
	if c := jobFinished(job); c != nil && c.Type == batchv1.JobFailed {
		return c.Reason
	}
	return ""
}

// requests sums what all containers request; nil unless every one states both,
// for a sum with a part missing would be a wrong number.
func requests(pod *corev1.Pod) *audit.ResourceUsage {
	var sum audit.ResourceUsage
	for _, c := range pod.Spec.Containers {
		cpu, hasCPU := c.Resources.Requests[corev1.ResourceCPU]
		memory, hasMemory := c.Resources.Requests[corev1.ResourceMemory]
		if !hasCPU || !hasMemory {
			return nil
		}
		sum.CPUMillicores += cpu.MilliValue()
		sum.MemoryBytes += memory.Value()
	}
	return &sum
}
