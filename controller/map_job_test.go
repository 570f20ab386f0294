package controller

import (
	"math"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	v1 "github.com/auditflow/auditflow/api/v1"
)

// jobFacts are those of a Job without annotations that succeeded.
func jobFacts() JobFacts {
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: "batch", Name: "backup", UID: "job-uid", CreationTimestamp: after(0)},
		Spec:       batchv1.JobSpec{BackoffLimit: ptr.To[int32](6)},
		Status: batchv1.JobStatus{StartTime: at(1), CompletionTime: at(8), Succeeded: 1, Conditions: []batchv1.JobCondition{
			{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: after(7)},
			{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: after(9)}}},
	}
	return JobFacts{Cluster: "prod-eu-1", Job: job, Pods: []corev1.Pod{pod("backup-pod", 7, 0, "Completed")}}
}

func failJob(f *JobFacts, reason, message string, pods ...corev1.Pod) {
	f.Job.Status.CompletionTime, f.Job.Status.Succeeded, f.Job.Status.Failed = nil, 0, int32(len(pods))
	f.Job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue,
		Reason: reason, Message: message, LastTransitionTime: after(9)}}
	f.Pods = pods
}

func unfinished(f *JobFacts) {
	f.Job.Status.CompletionTime, f.Job.Status.Conditions = nil, nil
	f.Job.DeletionTimestamp = at(4)
	f.Pods[0].Status.ContainerStatuses[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
}

func annotate(f *JobFacts, pairs ...string) {
	f.Job.Annotations = map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		f.Job.Annotations[pairs[i]] = pairs[i+1]
	}
}

func TestMapJob(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*JobFacts){
		"without annotations it is its own target": func(*JobFacts) {},
		"annotations say what it was for": func(f *JobFacts) {
			annotate(f, v1.ActionAnnotation, "drain-node", v1.ParametersAnnotation, `{"grace": "30s"}`,
				v1.WorkflowRefAnnotation, "alert-7", v1.StepIndexAnnotation, "3",
				v1.TargetNamespaceAnnotation, "prod", v1.TargetKindAnnotation, "Deployment", v1.TargetNameAnnotation, "web")
		},
		"a target without namespace has none": func(f *JobFacts) {
			annotate(f, v1.TargetKindAnnotation, "Node", v1.TargetNameAnnotation, "node-1")
		},
		"its CronJob is the workflow it belongs to": func(f *JobFacts) {
			f.Job.OwnerReferences = []metav1.OwnerReference{
				{Kind: "ConfigMap", Name: "just-an-owner"}, {Kind: "CronJob", Name: "nightly", Controller: ptr.To(true)}}
		},
		"annotations that make no sense are noted": func(f *JobFacts) {
			annotate(f, v1.ParametersAnnotation, `{"replicas": 3`, v1.StepIndexAnnotation, "-1")
		},
		"a step that is too large is noted": func(f *JobFacts) { annotate(f, v1.StepIndexAnnotation, "2147483648") },
		"what the container said is the output": func(f *JobFacts) {
			f.Pods[0].Status.ContainerStatuses[0].State.Terminated.Message = "42 tables saved"
		},
		"failed after all retries: the last failure was none": func(f *JobFacts) {
			failJob(f, "BackoffLimitExceeded", "Job has reached the specified backoff limit",
				pod("first", 3, 1, "Error"), pod("second", 5, 137, "OOMKilled"))
		},
		"succeeded after a retry": func(f *JobFacts) {
			f.Job.Status.Failed, f.Pods = 1, append(f.Pods, pod("first", 3, 1, "Error"))
		},
		"failed by its deadline, pods gone": func(f *JobFacts) {
			failJob(f, "DeadlineExceeded", "Job was active longer than specified deadline")
		},
		"succeeded, pods gone":       func(f *JobFacts) { f.Pods = nil },
		"deleted while running":      unfinished,
		"deleted before it began":    func(f *JobFacts) { unfinished(f); f.Job.Status.StartTime, f.Pods = nil, nil },
		"deleted while suspended":    func(f *JobFacts) { unfinished(f); f.Job.Spec.Suspend, f.Pods = ptr.To(true), nil },
		"a pod of an earlier Job":    func(f *JobFacts) { f.Pods[0].OwnerReferences[0].UID = "job-of-yesterday" },
		"no limit of its own":        func(f *JobFacts) { f.Job.Spec.BackoffLimit = ptr.To[int32](math.MaxInt32) },
		"a condition that is not so": func(f *JobFacts) { unfinished(f); notSo(f) },
		"an orphaned pod is known by its label": func(f *JobFacts) {
			f.Pods[0].OwnerReferences, f.Pods[0].Labels = nil, map[string]string{batchv1.ControllerUidLabel: "job-uid"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := jobFacts()
			change(&f)
			r := MapJob(f)
			if err := r.Validate(); err != nil {
				t.Errorf("the record is not valid: %v", err)
			}
			golden(t, "job "+name, r)
			if again := MapJob(f); again.Normalise().Digest() != r.Normalise().Digest() {
				t.Error("the same facts gave another record")
			}
		})
	}
}

func notSo(f *JobFacts) {
	f.Job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionFalse}}
}

func TestAnnotationsOfAnySizeMakeAValidRecord(t *testing.T) {
	t.Parallel()
	f := jobFacts()
	annotate(&f, v1.ActionAnnotation, strings.Repeat("é", 5000), v1.ParametersAnnotation, strings.Repeat("[", 5000)+strings.Repeat("]", 5000))
	r := MapJob(f).Normalise()
	if err := r.Validate(); err != nil || len(r.Notes) != 2 {
		t.Errorf("%v, notes %v", err, r.Notes)
	}
}

func FuzzWhateverAnnotationsSayTheRecordIsValid(f *testing.F) {
	f.Add("drain", `{"a":1}`, "3", "web")
	f.Add("", `{"a":`, "-3", "")
	f.Add("\x00", "\xff\xfe", "9999999999999999999999", "\x00")
	f.Fuzz(func(t *testing.T, action, parameters, step, name string) {
		facts := jobFacts()
		annotate(&facts, v1.ActionAnnotation, action, v1.ParametersAnnotation, parameters, v1.StepIndexAnnotation, step, v1.TargetNameAnnotation, name)
		r := MapJob(facts)
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
		if r = r.Normalise(); r.Validate() != nil {
			t.Error(r.Validate())
		}
	})
}
