package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/test/world"
)

// patience is what a healthy journey may take on a busy machine.
const patience = 30 * time.Second

func TestACompletedExecutionBecomesOneRowAndIsMarked(t *testing.T) {
	t.Parallel()
	done := execute(t, execution("completes"), world.Plan{Output: "deployment scaled"})
	got := theRow(t, patience, done.UID)
	if got.ID != audit.ID(world.Cluster, string(done.UID)) || got.Phase != "Completed" || !got.Success {
		t.Errorf("row %+v", got)
	}
	if want := "audit/KubernetesExecution/" + string(done.UID); got.DeliveredBy != want {
		t.Errorf("delivered by %s, want %s", got.DeliveredBy, want)
	}
	if got.Start == nil || got.End == nil || !got.Completed.Equal(*got.End) {
		t.Errorf("start %v, end %v, completed %v", got.Start, got.End, got.Completed)
	}
	isMarked(t, done.Name, got.ID)
}

func TestEachEndIsRecordedTruthfully(t *testing.T) {
	t.Parallel()
	code := func(c int32) *int32 { return &c }
	tests := []struct {
		name    string
		plan    world.Plan
		phase   string
		success bool
		exit    *int32
		reason  string
	}{
		{"exit-0", world.Plan{}, "Completed", true, code(0), "Completed"},
		{"exit-1", world.Plan{ExitCodes: []int{1}, Error: "x"}, "Failed", false, code(1), "Error"},
		{"exit-2", world.Plan{ExitCodes: []int{2}}, "Failed", false, code(2), "Error"},
		{"killed-for-memory", world.Plan{ExitCodes: []int{137}}, "Failed", false, code(137), "OOMKilled"},
		{"second-pod-succeeds", world.Plan{ExitCodes: []int{1, 0}, Retries: 1}, "Completed", true, code(0), "Completed"},
		{"second-pod-decides", world.Plan{ExitCodes: []int{1, 3}, Retries: 1}, "Failed", false, code(3), "Error"},
		{"refused-by-validation", world.Plan{Refusal: "replicas must be positive"}, "Failed", false, nil, "JobNotCreated"},
		{"cancelled", world.Plan{Phase: v1.PhaseCancelled}, "Cancelled", false, code(0), "Completed"},
		{"job-already-gone", world.Plan{BeforeEnd: removeJob}, "Completed", true, nil, "JobNotFound"},
		{"pod-already-gone", world.Plan{BeforeEnd: removePods}, "Completed", true, nil, "PodNotFound"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := theRow(t, patience, execute(t, execution(tc.name), tc.plan).UID)
			if got.Phase != tc.phase || got.Success != tc.success {
				t.Errorf("phase %s, success %t", got.Phase, got.Success)
			}
			if show(got.ExitCode) != show(tc.exit) || *got.ExitReason != tc.reason {
				t.Errorf("exit code %s (%s), want %s (%s)", show(got.ExitCode), *got.ExitReason, show(tc.exit), tc.reason)
			}
		})
	}
}

func show(n *int32) string {
	if n == nil {
		return "unknown"
	}
	return fmt.Sprint(*n)
}

// removeJob deletes the Job with its pods, as ttlSecondsAfterFinished: 0 does.
func removeJob(ctx context.Context, job *batchv1.Job) error {
	if err := removePods(ctx, job); err != nil {
		return err
	}
	return stage.executor.Client.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationBackground))
}

func removePods(ctx context.Context, job *batchv1.Job) error {
	of := []client.ListOption{client.InNamespace(job.Namespace), client.MatchingLabels{batchv1.JobNameLabel: job.Name}}
	var pods corev1.PodList
	if err := stage.executor.Client.List(ctx, &pods, of...); err != nil {
		return err
	}
	for i := range pods.Items {
		if err := stage.executor.Client.Delete(ctx, &pods.Items[i]); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	for len(pods.Items) > 0 && ctx.Err() == nil {
		if err := stage.executor.Client.List(ctx, &pods, of...); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func TestAJobThatBelongsToSomebodyElseIsNotBelieved(t *testing.T) {
	t.Parallel()
	theirs := execute(t, execution("has-the-job"), world.Plan{ExitCodes: []int{7}})
	done := execute(t, execution("points-elsewhere"), world.Plan{
		JobRef: &v1.JobReference{Namespace: theirs.Name.Namespace, Name: theirs.Name.Name}})
	got := theRow(t, patience, done.UID)
	if got.ExitCode != nil || *got.ExitReason != "JobNotOwned" || *got.JobName != "has-the-job" || got.PodName != nil {
		t.Errorf("exit code %s (%s), job %v, pod %v", show(got.ExitCode), *got.ExitReason, got.JobName, got.PodName)
	}
}

func TestAJobNameThatNoJobCanHaveHoldsNothingUp(t *testing.T) {
	t.Parallel()
	for name, ref := range map[string]v1.JobReference{
		"no-such-name":      {Name: "../jobs/x"},
		"too-long-a-name":   {Name: strings.Repeat("x", 100)},
		"far-too-long":      {Name: strings.Repeat("x", 300)},
		"no-such-namespace": {Namespace: "not a/namespace", Name: "job"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done := execute(t, execution("job-ref-"+name), world.Plan{JobRef: &ref})
			if got := theRow(t, patience, done.UID); got.ExitCode != nil || *got.ExitReason != "JobNotFound" {
				t.Errorf("exit code %s (%s)", show(got.ExitCode), *got.ExitReason)
			}
		})
	}
}

func TestAnExecutionDeletedWhileRunningIsRecordedAndLetGo(t *testing.T) {
	t.Parallel()
	ex := execution("deleted-while-running")
	if _, err := stage.executor.Begin(t.Context(), ex, world.Plan{Duration: "10m"}); err != nil {
		t.Fatal(err)
	}
	isHeld(t, ex)
	if err := stage.executor.Client.Delete(t.Context(), ex); err != nil {
		t.Fatal(err)
	}
	got := theRow(t, patience, ex.UID)
	if got.Phase != "Executing" || got.Success || got.ExitCode != nil || got.Completed == nil || !strings.Contains(*got.Error, "deleted before it completed") {
		t.Errorf("row %+v, error %q", got, *got.Error)
	}
	isGone(t, ex)
}

func TestAnExecutionDeletedRightAfterItsEndIsNotLost(t *testing.T) {
	t.Parallel()
	ex := execution("deleted-after-its-end")
	if _, err := stage.executor.Begin(t.Context(), ex, world.Plan{Refusal: "no"}); err != nil {
		t.Fatal(err)
	}
	isHeld(t, ex)
	done, err := stage.executor.Refuse(t.Context(), ex, "no")
	if err != nil {
		t.Fatal(err)
	}
	if err := stage.executor.Client.Delete(t.Context(), ex); client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	theRow(t, patience, done.UID)
	isGone(t, ex)
}

func TestANameUsedAgainIsAnotherExecution(t *testing.T) {
	t.Parallel()
	first := execution("used-again")
	one := execute(t, first, world.Plan{Refusal: "one"})
	isMarked(t, one.Name, theRow(t, patience, one.UID).ID)
	if err := stage.executor.Client.Delete(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	isGone(t, first)
	two := execute(t, execution("used-again"), world.Plan{Refusal: "two"})
	if got := theRow(t, patience, two.UID); !strings.Contains(*got.Error, "two") {
		t.Errorf("error %q", *got.Error)
	}
	theRow(t, patience, one.UID)
}

func TestSecretsAreMaskedAndTheMaskIsExplained(t *testing.T) {
	t.Parallel()
	const token, password = "ghp_1234567890abcdefghijABCDEFGHIJ123456", "correct-horse-battery"
	ex := execution("secrets")
	ex.Spec.Action.Parameters = &apiextensionsv1.JSON{Raw: []byte(`{"password":"` + password + `","replicas":3}`)}
	done := execute(t, ex, world.Plan{ExitCodes: []int{1},
		Output: "logging in with " + token, Error: "cannot connect to postgres://admin:" + password + "@db:5432/app"})
	got := theRow(t, patience, done.UID)
	for where, text := range map[string]string{"action_parameters": string(got.Parameters), "output": *got.Output, "error": *got.Error} {
		if strings.Contains(text, token) || strings.Contains(text, password) {
			t.Errorf("%s: %s", where, text)
		}
		if !strings.Contains(text, "[REDACTED:") {
			t.Errorf("%s shows no mask: %s", where, text)
		}
		if !strings.Contains(string(got.Redactions), where) {
			t.Errorf("redactions %s do not mention %s", got.Redactions, where)
		}
	}
	if !strings.Contains(string(got.Parameters), `"replicas": 3`) {
		t.Errorf("what is no secret is gone: %s", got.Parameters)
	}
}

func TestTextOfEverySizeAndKindArrivesAsItWas(t *testing.T) {
	t.Parallel()
	line := "2026-11-23T10:00:00Z INFO reconciled deployment web in namespace prod\n"
	unusual := "\u001b[31mred\u001b[0m \u202eevil\u202c 👩‍💻 e\u0301 \ufeff\r\nend"
	for name, tc := range map[string]struct{ output, want string }{
		"empty":      {"", ""},
		"unusual":    {unusual, unusual},
		"nul":        {"a\x00b", "a␀b"},
		"300-kib":    {strings.Repeat(line, 300<<10/len(line)), strings.Repeat(line, 300<<10/len(line))},
		"1200-kb":    {strings.Repeat(line, 1_200_000/len(line)), strings.Repeat(line, 1_200_000/len(line))},
		"formula":    {"=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"},
		"sql":        {"'; DROP TABLE kubernetes_execution_audit; --", "'; DROP TABLE kubernetes_execution_audit; --"},
		"whitespace": {"  \n\t ", "  \n\t "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := theRow(t, patience, execute(t, execution("text-"+name), world.Plan{Output: tc.output}).UID)
			var output string
			if got.Output != nil {
				output = *got.Output
			}
			if output != tc.want {
				t.Errorf("%d bytes became %d", len(tc.want), len(output))
			}
			if noted := strings.Contains(string(got.Notes), audit.ChangeNUL); noted != (tc.output != tc.want) {
				t.Errorf("notes %s", got.Notes)
			}
		})
	}
}

// Annotations travel with manifests: an execution that comes with the mark of
// another one is recorded all the same.
func TestAMarkOfAnotherExecutionIsNone(t *testing.T) {
	t.Parallel()
	ex := execution("copied-mark")
	ex.Annotations = map[string]string{v1.PersistedAnnotation: "6b1d3a52-0f7c-5e0a-9c6e-2b8f41d7a513 2020-01-01T00:00:00Z"}
	done := execute(t, ex, world.Plan{Output: "once"})
	isMarked(t, done.Name, theRow(t, patience, done.UID).ID)
}

func TestAMarkThatIsLostMeansAnotherDeliveryAndNoOtherRow(t *testing.T) {
	t.Parallel()
	done := execute(t, execution("delivered-again"), world.Plan{Output: "once"})
	before := theRow(t, patience, done.UID)
	isMarked(t, done.Name, before.ID)
	unmark := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+v1.PersistedAnnotation+`":null}}}`))
	ex := &v1.KubernetesExecution{ObjectMeta: metav1.ObjectMeta{Namespace: done.Name.Namespace, Name: done.Name.Name}}
	if err := stage.executor.Client.Patch(t.Context(), ex, unmark); err != nil {
		t.Fatal(err)
	}
	isMarked(t, done.Name, before.ID)
	if after := theRow(t, patience, done.UID); !after.Persisted.Equal(before.Persisted) {
		t.Errorf("the row was written again: %v, %v", before.Persisted, after.Persisted)
	}
}
