package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/test/world"
)

// chosen labels a Job to be recorded.
const chosen = "audit.kubernaut.io/record"

// plainJob is one that somebody wants recorded, with a pod that ends at once.
func plainJob(name string, exitCodes string, retries int32) *batchv1.Job {
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{chosen: "true"}, Annotations: map[string]string{}},
		Spec: batchv1.JobSpec{
			BackoffLimit: &retries,
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{world.AnnotationExitCodes: exitCodes}},
				Spec: corev1.PodSpec{
					NodeName: world.NodeName, RestartPolicy: corev1.RestartPolicyNever,
					Containers: []corev1.Container{{Name: "work", Image: "registry.example/work:1"}},
				},
			},
		},
	}
}

func running(job *batchv1.Job) *batchv1.Job {
	job.Spec.Template.Annotations[world.AnnotationDuration] = "10m"
	return job
}

func submit(t *testing.T, job *batchv1.Job) *batchv1.Job {
	t.Helper()
	if err := stage.executor.Client.Create(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	return job
}

func TestAPlainJobThatIsChosenBecomesOneRowAndIsMarked(t *testing.T) {
	t.Parallel()
	job := plainJob("drains-a-node", "0", 0)
	job.Annotations = map[string]string{
		v1.ActionAnnotation: "drain-node", v1.ParametersAnnotation: `{"grace":"30s"}`, v1.TargetKindAnnotation: "Node",
		v1.TargetNameAnnotation: "node-1", v1.StepIndexAnnotation: "two",
	}
	job.Spec.Template.Annotations[world.AnnotationMessage] = "12 pods evicted"
	submit(t, job)
	got := theRow(t, patience, job.UID)
	if got.ID != audit.ID(world.Cluster, string(job.UID)) || got.Source != "Job" || got.DeliveredBy != "audit/Job/"+string(job.UID) ||
		got.ActionType != "drain-node" || string(got.Parameters) != `{"grace": "30s"}` || got.Phase != "Completed" || !got.Success {
		t.Errorf("row %+v", got)
	}
	if got.Output == nil || *got.Output != "12 pods evicted" || !strings.Contains(string(got.Notes), audit.ChangeNotNumber) {
		t.Errorf("output %v, notes %s", got.Output, got.Notes)
	}
	jobIsMarked(t, job, got.ID)
}

func TestEachEndOfAPlainJobIsRecordedTruthfully(t *testing.T) {
	t.Parallel()
	soon := int64(1)
	for _, tc := range []struct {
		job     *batchv1.Job
		phase   string
		exit    string
		reason  string
		retries int32
		error   string
	}{
		{plainJob("job-exit-0", "0", 0), "Completed", "0", "Completed", 0, ""},
		{plainJob("job-exit-2", "2", 0), "Failed", "2", "Error", 0, "BackoffLimitExceeded"},
		{plainJob("job-out-of-memory", "137", 0), "Failed", "137", "OOMKilled", 0, "BackoffLimitExceeded"},
		{plainJob("job-second-pod-succeeds", "1,0", 2), "Completed", "0", "Completed", 1, ""},
		{plainJob("job-second-pod-decides", "1,3", 1), "Failed", "3", "Error", 1, "BackoffLimitExceeded"},
		{withDeadline(running(plainJob("job-too-late", "0", 0)), soon), "Failed", "", "", 0, "DeadlineExceeded"},
	} {
		t.Run(tc.job.Name, func(t *testing.T) {
			t.Parallel()
			got := theRow(t, patience, submit(t, tc.job).UID)
			if got.Phase != tc.phase || got.Success != (tc.phase == "Completed") || got.RetryCount != tc.retries {
				t.Errorf("phase %s, success %t, %d retries; want %s, %d", got.Phase, got.Success, got.RetryCount, tc.phase, tc.retries)
			}
			// How a pod ended that the deadline takes away depends on who is quicker.
			if tc.exit != "" && (show(got.ExitCode) != tc.exit || *got.ExitReason != tc.reason) {
				t.Errorf("exit code %s (%s), want %s (%s)", show(got.ExitCode), *got.ExitReason, tc.exit, tc.reason)
			}
			if tc.error != "" && (got.Error == nil || !strings.HasPrefix(*got.Error, tc.error)) {
				t.Errorf("error %v, want %s", got.Error, tc.error)
			}
			if got.Start == nil || got.End == nil || got.Completed == nil {
				t.Errorf("start %v, end %v, completed %v", got.Start, got.End, got.Completed)
			}
		})
	}
}

func withDeadline(job *batchv1.Job, seconds int64) *batchv1.Job {
	job.Spec.ActiveDeadlineSeconds = &seconds
	return job
}

func TestAJobThatVanishesAsSoonAsItEndsIsRecorded(t *testing.T) {
	t.Parallel()
	job := plainJob("job-ttl-0", "0", 0)
	job.Spec.TTLSecondsAfterFinished = ptr.To[int32](0)
	submit(t, job)
	if got := theRow(t, patience, job.UID); got.Phase != "Completed" || !got.Success {
		t.Errorf("row %+v", got)
	}
	jobIsGone(t, job)
}

func TestAJobDeletedWhileRunningIsRecordedAndLetGo(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]metav1.DeletionPropagation{
		"background": metav1.DeletePropagationBackground,
		"foreground": metav1.DeletePropagationForeground,
		"orphan":     metav1.DeletePropagationOrphan,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			job := submit(t, running(plainJob("job-deleted-"+name, "0", 0)))
			jobIsHeld(t, job)
			jobRuns(t, job)
			if err := stage.executor.Client.Delete(t.Context(), job, client.PropagationPolicy(policy)); err != nil {
				t.Fatal(err)
			}
			got := theRow(t, patience, job.UID)
			if got.Phase != "Executing" || got.Success || got.Completed == nil || !strings.Contains(*got.Error, "deleted before it completed") {
				t.Errorf("row %+v, error %v", got, *got.Error)
			}
			jobIsGone(t, job)
		})
	}
}

func TestAJobThatAnExecutionHadMadeIsNotRecordedTwice(t *testing.T) {
	t.Parallel()
	ex := execution("has-a-chosen-job")
	done := execute(t, ex, world.Plan{Refusal: "the Jobs below are made by hand"})
	owned, labelled := plainJob("job-owned-by-an-execution", "0", 0), plainJob("job-labelled-by-an-execution", "0", 0)
	owned.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(ex, v1.GroupVersion.WithKind(v1.Kind))}
	labelled.Labels[v1.ExecutionUIDLabel] = string(done.UID)
	submit(t, owned)
	submit(t, labelled)
	for _, job := range []*batchv1.Job{owned, labelled} {
		jobEnds(t, job)
	}
	// One that comes later has its row: so theirs would be there, too.
	jobIsMarked(t, submit(t, plainJob("job-after-those", "0", 0)), "")
	for _, job := range []*batchv1.Job{owned, labelled} {
		isUntouched(t, job)
	}
	theRow(t, patience, done.UID)
}

func TestAJobThatNobodyChoseIsLeftAlone(t *testing.T) {
	t.Parallel()
	job := plainJob("job-not-chosen", "0", 0)
	job.Labels = map[string]string{chosen: "false"}
	jobEnds(t, submit(t, job))
	jobIsMarked(t, submit(t, plainJob("job-that-is-chosen", "0", 0)), "")
	isUntouched(t, job)
}

func TestAJobThatIsChosenNoMoreIsLetGo(t *testing.T) {
	t.Parallel()
	job := submit(t, running(plainJob("job-chosen-no-more", "0", 0)))
	jobIsHeld(t, job)
	off := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"`+chosen+`":null}}}`))
	if err := stage.executor.Client.Patch(t.Context(), job, off); err != nil {
		t.Fatal(err)
	}
	jobBecomes(t, job, "let go", func(now *batchv1.Job) bool { return len(ours(now)) == 0 })
}

// ours are the finalizers on a Job that are not the Job controller's or the
// garbage collector's.
func ours(job *batchv1.Job) (list []string) {
	for _, f := range job.Finalizers {
		if f == v1.DeliveryFinalizer {
			list = append(list, f)
		}
	}
	return list
}

func isUntouched(t *testing.T, job *batchv1.Job) {
	t.Helper()
	now := &batchv1.Job{}
	if err := stage.executor.Client.Get(t.Context(), client.ObjectKeyFromObject(job), now); err != nil {
		t.Fatal(err)
	}
	if _, marked := now.Annotations[v1.StateAnnotation]; marked || len(ours(now)) > 0 {
		t.Errorf("%s has finalizers %v, annotations %v", job.Name, now.Finalizers, now.Annotations)
	}
	if rows, err := rowsOf(t.Context(), job.UID); err != nil || len(rows) > 0 {
		t.Errorf("%s has %d rows (%v)", job.Name, len(rows), err)
	}
}

// jobBecomes waits until the Job is as wanted.
func jobBecomes(t *testing.T, job *batchv1.Job, what string, wanted func(*batchv1.Job) bool) {
	t.Helper()
	eventually(t, healed, job.Name+" to be "+what, func(ctx context.Context) error {
		now := &batchv1.Job{}
		if err := stage.executor.Client.Get(ctx, client.ObjectKeyFromObject(job), now); err != nil {
			return err
		}
		if !wanted(now) {
			return fmt.Errorf("it has finalizers %v, annotations %v, status %+v", now.Finalizers, now.Annotations, now.Status)
		}
		return nil
	})
}

func jobIsHeld(t *testing.T, job *batchv1.Job) {
	t.Helper()
	jobBecomes(t, job, "held", func(now *batchv1.Job) bool { return len(ours(now)) == 1 })
}

func jobRuns(t *testing.T, job *batchv1.Job) {
	t.Helper()
	jobBecomes(t, job, "running", func(now *batchv1.Job) bool { return now.Status.Active == 1 && now.Status.StartTime != nil })
}

func jobEnds(t *testing.T, job *batchv1.Job) {
	t.Helper()
	jobBecomes(t, job, "complete", func(now *batchv1.Job) bool { return now.Status.CompletionTime != nil })
}

func jobIsMarked(t *testing.T, job *batchv1.Job, rowID string) {
	t.Helper()
	jobBecomes(t, job, "marked", func(now *batchv1.Job) bool {
		mark := now.Annotations[v1.PersistedAnnotation]
		return mark != "" && strings.HasPrefix(mark, rowID) && now.Annotations[v1.StateAnnotation] == v1.StatePersisted && len(ours(now)) == 0
	})
}

func jobIsGone(t *testing.T, job *batchv1.Job) {
	t.Helper()
	eventually(t, healed, job.Name+" to be gone", func(ctx context.Context) error {
		err := stage.executor.Client.Get(ctx, client.ObjectKeyFromObject(job), &batchv1.Job{})
		if err == nil {
			return errors.New("it is there")
		}
		return client.IgnoreNotFound(err)
	})
}
