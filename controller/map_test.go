package controller

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/auditflow/auditflow/api/v1"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var created = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// after is a time s seconds after the execution was created, in another zone
// than UTC: records must not care.
func after(s int) metav1.Time {
	return metav1.NewTime(created.Add(time.Duration(s) * time.Second).In(time.FixedZone("UTC+2", 7200)))
}

func at(s int) *metav1.Time { t := after(s); return &t }

// facts are those of an execution that succeeded, with Job and pod at hand.
func facts() Facts {
	ex := &v1.KubernetesExecution{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kubernaut", Name: "scale-web", UID: "ex-uid", CreationTimestamp: after(0)},
		Spec: v1.KubernetesExecutionSpec{
			WorkflowExecutionRef: corev1.ObjectReference{Name: "alert-12345-workflow"}, StepIndex: 2, MaxRetries: 3,
			Action: v1.Action{
				Type: "scale-deployment", Parameters: &apiextensionsv1.JSON{Raw: []byte(`{"replicas": 3}`)},
				Target: v1.Target{Namespace: "prod-web", ResourceKind: "Deployment", ResourceName: "web"},
			},
		},
		Status: v1.KubernetesExecutionStatus{
			Phase:  v1.PhaseCompleted,
			Result: &v1.Result{Success: true, Output: "scaled", StartTime: at(1), EndTime: at(9)},
			JobRef: &v1.JobReference{Name: "scale-web-job"},
		},
	}
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kubernaut", Name: "scale-web-job", UID: "job-uid",
			OwnerReferences: []metav1.OwnerReference{{Kind: v1.Kind, Name: ex.Name, UID: ex.UID}}},
		Status: batchv1.JobStatus{StartTime: at(2), Conditions: []batchv1.JobCondition{
			{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: after(8)}}},
	}
	return Facts{Cluster: "prod-eu-1", Execution: ex, Job: job, Pods: []corev1.Pod{pod("scale-web-pod", 7, 0, "Completed")}}
}

func pod(name string, finished int, code int32, reason string) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kubernaut", Name: name, UID: types.UID(name), CreationTimestamp: after(finished - 5),
			OwnerReferences: []metav1.OwnerReference{{Kind: "Job", Name: "scale-web-job", UID: "job-uid"}}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "action"}}},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "action", State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, FinishedAt: after(finished)}}}}},
	}
}

func fail(f *Facts, code int32, reason string) {
	f.Execution.Status.Phase = v1.PhaseFailed
	f.Execution.Status.Result.Success, f.Execution.Status.Result.Error = false, "action failed"
	f.Job.Status.Conditions[0] = batchv1.JobCondition{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded", LastTransitionTime: after(8)}
	f.Pods = []corev1.Pod{pod("scale-web-pod", 7, code, reason)}
}

func TestMap(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*Facts)
	}{
		{"a success with Job and pod", func(*Facts) {}},
		{"a failure keeps exit code and reason", func(f *Facts) { fail(f, 2, "Error") }},
		{"killed for memory: code 137, signal 9, OOMKilled", func(f *Facts) { fail(f, 137, "OOMKilled") }},
		{"no start and end time: the Job's are taken", func(f *Facts) {
			f.Execution.Status.Result.StartTime, f.Execution.Status.Result.EndTime = nil, nil
		}},
		{"no times anywhere: unknown, not zero", func(f *Facts) {
			f.Execution.Status.Result.StartTime, f.Execution.Status.Result.EndTime, f.Job, f.Pods = nil, nil, nil, nil
		}},
		{"an end before the start has no duration", func(f *Facts) { f.Execution.Status.Result.EndTime = at(-5) }},
		{"validation failed before there was a Job", func(f *Facts) {
			f.Execution.Status = v1.KubernetesExecutionStatus{Phase: v1.PhaseFailed, Conditions: []metav1.Condition{
				{Type: "Validated", Status: metav1.ConditionFalse, Reason: "ValidationFailed", Message: "replicas must be positive", LastTransitionTime: after(1)}}}
			f.Job, f.Pods = nil, nil
		}},
		{"failed without result and without conditions", func(f *Facts) {
			f.Execution.Status = v1.KubernetesExecutionStatus{Phase: v1.PhaseFailed}
			f.Job, f.Pods = nil, nil
		}},
		{"the condition named like the phase outranks a later one", func(f *Facts) {
			f.Execution.Status = v1.KubernetesExecutionStatus{Phase: v1.PhaseFailed, Conditions: []metav1.Condition{
				{Type: "Failed", Status: metav1.ConditionTrue, Reason: "Refused", Message: "policy", LastTransitionTime: after(1)},
				{Type: "Notified", Status: metav1.ConditionTrue, Reason: "Sent", Message: "mail", LastTransitionTime: after(3)}}}
		}},
		{"cancelled", func(f *Facts) {
			f.Execution.Status.Phase, f.Execution.Status.Result = v1.PhaseCancelled, &v1.Result{Error: "cancelled by operator"}
		}},
		{"deleted while running, pod still there", func(f *Facts) {
			f.Execution.DeletionTimestamp = at(4)
			f.Execution.Status.Phase, f.Execution.Status.Result = v1.PhaseExecuting, nil
			f.Job.Status.Conditions = nil
			f.Pods[0].Status.ContainerStatuses[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
		}},
		{"deleted before it began", func(f *Facts) {
			f.Execution.DeletionTimestamp = at(1)
			f.Execution.Status, f.Job, f.Pods = v1.KubernetesExecutionStatus{}, nil, nil
		}},
		{"a result that claims success does not make a running execution one", func(f *Facts) {
			f.Execution.DeletionTimestamp, f.Execution.Status.Phase = at(4), v1.PhaseExecuting
		}},
		{"the Job is gone, and its pods with it", func(f *Facts) { f.Job, f.Pods = nil, nil }},
		{"the Job is gone, but a pod says whose it was", func(f *Facts) {
			f.Job, f.Pods[0].OwnerReferences = nil, nil
			f.Pods[0].Labels = map[string]string{v1.ExecutionUIDLabel: "ex-uid"}
		}},
		{"the pods are gone", func(f *Facts) { f.Pods = nil }},
		{"the pods are gone and the Job says why", func(f *Facts) {
			fail(f, 0, "")
			f.Pods, f.Job.Status.Conditions[0].Reason = nil, "DeadlineExceeded"
		}},
		{"the Job belongs to somebody else", func(f *Facts) { f.Job.OwnerReferences[0].UID = "other-uid" }},
		{"the Job is ours by label", func(f *Facts) {
			f.Job.OwnerReferences, f.Job.Labels = nil, map[string]string{v1.ExecutionUIDLabel: "ex-uid"}
		}},
		{"a pod of an earlier Job of the same name does not count", func(f *Facts) {
			f.Pods[0].OwnerReferences[0].UID = "job-of-yesterday"
		}},
		{"of several pods the last that finished decides", func(f *Facts) {
			f.Execution.Status.RetryCount = 2
			f.Pods = []corev1.Pod{pod("third", 7, 0, "Completed"), pod("first", 3, 1, "Error"), pod("second", 5, 137, "OOMKilled")}
		}},
		{"pods that finished in the same second: the younger decides", func(f *Facts) {
			older, younger := pod("a-older", 7, 1, "Error"), pod("b-younger", 7, 0, "Completed")
			younger.CreationTimestamp = after(6)
			f.Pods = []corev1.Pod{younger, older}
		}},
		{"of several containers the first that failed decides", func(f *Facts) {
			fail(f, 0, "Completed")
			p := &f.Pods[0]
			p.Spec.Containers = []corev1.Container{{Name: "action"}, {Name: "aux"}, {Name: "log"}}
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses,
				pod("", 6, 3, "Error").Status.ContainerStatuses[0], pod("", 4, 4, "Error").Status.ContainerStatuses[0])
			p.Status.ContainerStatuses[1].Name, p.Status.ContainerStatuses[2].Name = "aux", "log"
		}},
		{"an init container that failed decides", func(f *Facts) {
			fail(f, 0, "Completed")
			p := &f.Pods[0]
			p.Status.InitContainerStatuses = pod("", 3, 5, "Error").Status.ContainerStatuses
			p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}
		}},
		{"an evicted pod has a reason and no exit code", func(f *Facts) {
			fail(f, 0, "")
			f.Pods[0].Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"}
		}},
		{"a signal that the runtime reports", func(f *Facts) {
			fail(f, 1, "Error")
			f.Pods[0].Status.ContainerStatuses[0].State.Terminated.Signal = 15
		}},
		{"what all containers request is recorded as such", func(f *Facts) {
			f.Pods[0].Spec.Containers[0].Resources.Requests = corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse("250m"), corev1.ResourceMemory: resource.MustParse("64Mi")}
		}},
		{"requests that are stated in part are not known", func(f *Facts) {
			f.Pods[0].Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("250m")}
		}},
		{"no parameters and no target", func(f *Facts) {
			f.Execution.Spec.Action.Parameters, f.Execution.Spec.Action.Target = nil, v1.Target{}
		}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := facts()
			tc.change(&f)
			r := Map(f)
			if err := r.Validate(); err != nil {
				t.Errorf("the record is not valid: %v", err)
			}
			golden(t, tc.name, r)
			if again := Map(f); again.Normalise().Digest() != r.Normalise().Digest() {
				t.Error("the same facts gave another record")
			}
		})
	}
}

func golden(t *testing.T, name string, value any) {
	t.Helper()
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(value); err != nil {
		t.Fatal(err)
	}
	slug := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		case c == ' ':
			return '-'
		}
		return -1
	}, name)
	path := filepath.Join("testdata", "map", slug+".json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with go test ./controller -update", err)
	}
	if text.String() != string(want) {
		t.Errorf("differs from %s:\n%s", path, text.String())
	}
}
