package world

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

func kubernetesClient(t *testing.T) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(shared.Kube.Config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// createJob creates a Job whose pods have the annotations; adjust may be nil.
func createJob(t *testing.T, name string, annotations map[string]string, adjust func(*batchv1.JobSpec)) *batchv1.Job {
	t.Helper()
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"},
		Spec: batchv1.JobSpec{
			BackoffLimit: new(int32(0)),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Annotations: annotations},
				Spec: corev1.PodSpec{
					NodeName:      NodeName,
					RestartPolicy: corev1.RestartPolicyNever,
					Containers:    []corev1.Container{{Name: "work", Image: "work:1"}},
				},
			},
		},
	}
	if adjust != nil {
		adjust(&job.Spec)
	}
	job, err := kubernetesClient(t).BatchV1().Jobs("default").Create(t.Context(), job, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// ended waits for the Job to be Complete or Failed and returns that condition.
func ended(t *testing.T, name string) (end batchv1.JobCondition) {
	t.Helper()
	eventually(t, "Job "+name+" ends", func() (bool, error) {
		job, err := kubernetesClient(t).BatchV1().Jobs("default").Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		i := slices.IndexFunc(job.Status.Conditions, func(c batchv1.JobCondition) bool {
			return c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed)
		})
		if i < 0 {
			return false, nil
		}
		end = job.Status.Conditions[i]
		return true, nil
	})
	return end
}

func podsOf(t *testing.T, job string) []corev1.Pod {
	t.Helper()
	list, err := kubernetesClient(t).CoreV1().Pods("default").
		List(t.Context(), metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + job})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(list.Items, func(a, b corev1.Pod) int {
		return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
	})
	return list.Items
}

func TestAJobThatFailsOnceIsRetriedAndCompletes(t *testing.T) {
	t.Parallel()
	createJob(t, "retried", map[string]string{AnnotationExitCodes: "1,0"}, func(spec *batchv1.JobSpec) {
		spec.BackoffLimit = new(int32(1))
	})
	if end := ended(t, "retried"); end.Type != batchv1.JobComplete {
		t.Fatalf("the Job ended %s (%s), want Complete", end.Type, end.Reason)
	}
	var codes []int32
	for _, pod := range podsOf(t, "retried") {
		codes = append(codes, pod.Status.ContainerStatuses[0].State.Terminated.ExitCode)
	}
	if !slices.Equal(codes, []int32{1, 0}) {
		t.Errorf("exit codes of its pods in order: %v, want [1 0]", codes)
	}
}

func TestAJobKilledForMemoryFailsWithThatReason(t *testing.T) {
	t.Parallel()
	createJob(t, "oom", map[string]string{AnnotationExitCodes: "137", AnnotationMessage: "too much"}, nil)
	if end := ended(t, "oom"); end.Type != batchv1.JobFailed || end.Reason != batchv1.JobReasonBackoffLimitExceeded {
		t.Fatalf("the Job ended %s (%s), want Failed (%s)", end.Type, end.Reason, batchv1.JobReasonBackoffLimitExceeded)
	}
	pods := podsOf(t, "oom")
	if len(pods) != 1 || pods[0].Status.Phase != corev1.PodFailed {
		t.Fatalf("want one failed pod, got %d: %+v", len(pods), pods)
	}
	state := pods[0].Status.ContainerStatuses[0].State.Terminated
	if state.ExitCode != 137 || state.Reason != "OOMKilled" || state.Message != "too much" {
		t.Errorf("terminated state: %+v", state)
	}
	if state.ContainerID == "" || state.StartedAt.IsZero() || state.FinishedAt.IsZero() {
		t.Errorf("a kubelet tells id, start and end of a container: %+v", state)
	}
}

func TestAPodDeletedWhileItRunsGoesAway(t *testing.T) {
	t.Parallel()
	job := createJob(t, "endless", map[string]string{AnnotationDuration: "1h"}, nil)
	eventually(t, "its pod runs", func() (bool, error) {
		pods := podsOf(t, "endless")
		return len(pods) == 1 && pods[0].Status.Phase == corev1.PodRunning, nil
	})
	background := metav1.DeletePropagationBackground
	err := kubernetesClient(t).BatchV1().Jobs("default").
		Delete(t.Context(), job.Name, metav1.DeleteOptions{PropagationPolicy: &background})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "its pod is gone", func() (bool, error) { return len(podsOf(t, "endless")) == 0, nil })
}

func TestAJobExpiresAfterItsTTL(t *testing.T) {
	t.Parallel()
	createJob(t, "expiring", nil, func(spec *batchv1.JobSpec) { spec.TTLSecondsAfterFinished = new(int32(0)) })
	eventually(t, "Job and pods are gone", func() (bool, error) {
		list, err := kubernetesClient(t).BatchV1().Jobs("default").
			List(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=expiring"})
		return err == nil && len(list.Items) == 0 && len(podsOf(t, "expiring")) == 0, err
	})
}

func TestPodsOfAWideJobTakeEachEntryOnce(t *testing.T) {
	t.Parallel()
	codes := strings.Repeat("0,", 29) + "3,0"
	createJob(t, "wide", map[string]string{AnnotationExitCodes: codes, AnnotationDuration: "0s"}, func(spec *batchv1.JobSpec) {
		spec.Parallelism, spec.Completions, spec.BackoffLimit = new(int32(40)), new(int32(40)), new(int32(1))
	})
	if end := ended(t, "wide"); end.Type != batchv1.JobComplete {
		t.Errorf("the Job ended %s (%s), want Complete", end.Type, end.Reason)
	}
	failed := 0
	for _, pod := range podsOf(t, "wide") {
		if pod.Status.Phase == corev1.PodFailed {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d pods failed, want the one with exit code 3", failed)
	}
}

func TestInstalledCRDsAreServed(t *testing.T) {
	t.Parallel()
	if err := shared.Kube.InstallCRDs(t.Context(), "testdata/crds"); err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{
		"apiVersion": "world.auditflow/v1", "kind": "Probe",
		"metadata": map[string]any{"name": "first"}, "spec": map[string]any{"question": "why"},
	})
	if err != nil {
		t.Fatal(err)
	}
	client := kubernetesClient(t).CoreV1().RESTClient()
	const path = "/apis/world.auditflow/v1/namespaces/default/probes"
	began := time.Now()
	if err := client.Post().AbsPath(path).Body(body).Do(t.Context()).Error(); err != nil {
		t.Error(err)
	}
	t.Logf("first create %.2f s", time.Since(began).Seconds())
}
