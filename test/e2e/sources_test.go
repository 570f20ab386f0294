package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/controller"
	"github.com/auditflow/auditflow/test/world"
)

// These tests restart the controller with another configuration, so they are not
// parallel.

func TestJobsAreLetGoWhenTheirSourceIsSwitchedOff(t *testing.T) {
	t.Cleanup(mend)
	job := submit(t, running(plainJob("held-until-switched-off", "0", 0)))
	other := submit(t, running(plainJob("held-until-not-chosen", "0", 0)))
	other.Labels["team"] = "b"
	if err := stage.executor.Client.Update(t.Context(), other); err != nil && !apierrors.IsConflict(err) {
		t.Fatal(err)
	}
	for _, j := range []*batchv1.Job{job, other} {
		jobIsHeld(t, j)
	}

	for name, jobs := range map[string]string{
		"switched off":           `jobs: {enabled: false}`,
		"choosing other Jobs":    `jobs: {enabled: true, selector: "team=a"}`,
		"looking somewhere else": `jobs: {enabled: true, namespaces: [kube-public]}`,
		"auditing switched off":  "jobs: {enabled: true}\naudit_enabled: false",
	} {
		t.Run(name, func(t *testing.T) {
			restore := reconfigureWith(t, "jobs: {enabled: true}", jobs)
			for _, j := range []*batchv1.Job{job, other} {
				jobBecomes(t, j, "let go", func(now *batchv1.Job) bool { return len(ours(now)) == 0 })
			}
			restore()
			for _, j := range []*batchv1.Job{job, other} {
				jobIsHeld(t, j)
			}
		})
	}
	for _, j := range []*batchv1.Job{job, other} {
		if err := stage.executor.Client.Delete(t.Context(), j, client.PropagationPolicy("Background")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatIsRecordedIsRemovedAfterItsReviewWindow(t *testing.T) {
	t.Cleanup(mend)
	const window = 4 * time.Second
	ends := func(name string) *v1.KubernetesExecution {
		ex := execution(name)
		done := execute(t, ex, world.Plan{Refusal: "x"})
		isMarked(t, done.Name, theRow(t, patience, done.UID).ID)
		return ex
	}
	kept, quarantined := ends("review-kept"), ends("review-quarantined")
	annotateObject(t, kept, v1.KeepAnnotation, "true")
	annotateObject(t, quarantined, v1.StateAnnotation, v1.StateQuarantined)
	unfinished := execution("review-unfinished")
	if _, err := stage.executor.Begin(t.Context(), unfinished, world.Plan{Duration: "10m"}); err != nil {
		t.Fatal(err)
	}
	isHeld(t, unfinished)

	restore := reconfigureWith(t, "jobs: {enabled: true}", fmt.Sprintf("jobs: {enabled: true}\nreview_window: {executions: %s, jobs: %s}", window, window))
	defer restore()
	removed, job := ends("review-over"), submit(t, plainJob("review-over", "0", 0))
	theRow(t, patience, job.UID)
	before := time.Now() // its row is there: the mark comes after it
	isGone(t, removed)
	jobIsGone(t, job)
	if took := time.Since(before); took < window-2*time.Second {
		t.Errorf("gone after %s, want about %s", took, window)
	}
	for _, source := range []string{"KubernetesExecution", "Job"} {
		if err := metric(t.Context(), stage.product.Controller.URL, `auditflow_objects_removed_total{source="`+source+`"} 0`); err == nil {
			t.Errorf("no removed object of source %s is counted", source)
		}
	}
	for _, ex := range []*v1.KubernetesExecution{kept, quarantined, unfinished} {
		if err := stage.executor.Client.Get(t.Context(), client.ObjectKeyFromObject(ex), &v1.KubernetesExecution{}); err != nil {
			t.Errorf("%s is not there any more: %v", ex.Name, err)
		}
	}
	annotateObject(t, kept, v1.KeepAnnotation, "no longer")
	isGone(t, kept)
}

func annotateObject(t *testing.T, ex *v1.KubernetesExecution, key, value string) {
	t.Helper()
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, key, value)
	if err := stage.executor.Client.Patch(t.Context(), ex, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

func TestReleaseLetsGoOfEverythingBeforeUninstalling(t *testing.T) {
	t.Cleanup(mend)
	ex, job := execution("release-running"), running(plainJob("release-running", "0", 0))
	if _, err := stage.executor.Begin(t.Context(), ex, world.Plan{Refusal: "x"}); err != nil {
		t.Fatal(err)
	}
	submit(t, job)
	isHeld(t, ex)
	jobIsHeld(t, job)

	if _, told, code := release(t); code != 1 || !strings.Contains(told, "holds the lease auditflow-controller in namespace default") {
		t.Fatalf("beside a controller: exit code %d, %s", code, told)
	}
	if err := stage.product.Controller.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	counts, told, code := release(t, "--dry-run")
	if code != 0 || counts["KubernetesExecution"].Held == 0 || counts["Job"].Unpersisted == 0 || len(oursOf(t, ex)) == 0 {
		t.Errorf("dry run: exit code %d, %+v, finalizers %v, %s", code, counts, oursOf(t, ex), told)
	}
	held := counts
	if counts, told, code = release(t); code != 1 || counts["Job"].Kept != held["Job"].Unpersisted || len(oursOf(t, ex)) == 0 ||
		!strings.Contains(told, "are held still, for their records are not persisted yet") {
		t.Errorf("with records missing: exit code %d, %+v, finalizers %v, %s", code, counts, oursOf(t, ex), told)
	}
	if counts, told, code = release(t, "--unpersisted"); code != 0 || counts["Job"].Released == 0 || len(oursOf(t, ex)) > 0 {
		t.Errorf("released: exit code %d, %+v, finalizers %v, %s", code, counts, oursOf(t, ex), told)
	}
	jobBecomes(t, job, "let go", func(now *batchv1.Job) bool { return len(ours(now)) == 0 })
	if counts, told, code = release(t); code != 0 || counts["KubernetesExecution"].Held+counts["Job"].Held != 0 {
		t.Errorf("again: exit code %d, %+v, %s", code, counts, told)
	}
}

// release runs the command and returns its summary by source.
func release(t *testing.T, flags ...string) (counts map[string]controller.Released, told string, code int) {
	t.Helper()
	out, told, code, err := stage.product.Controller.RunOnce(t.Context(), append([]string{"release", "-o", "json"}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	var summary struct {
		Sources []controller.Released `json:"sources"`
	}
	if out != "" {
		if err := json.Unmarshal([]byte(out), &summary); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
	}
	counts = map[string]controller.Released{}
	for _, s := range summary.Sources {
		counts[s.Source] = s
	}
	return counts, told, code
}

func oursOf(t *testing.T, ex *v1.KubernetesExecution) (list []string) {
	t.Helper()
	now := &v1.KubernetesExecution{}
	if err := stage.executor.Client.Get(t.Context(), client.ObjectKeyFromObject(ex), now); err != nil {
		t.Fatal(err)
	}
	for _, f := range now.Finalizers {
		if f == v1.DeliveryFinalizer {
			list = append(list, f)
		}
	}
	return list
}

// reconfigureWith restarts the controller with a line of its configuration
// replaced; the function it returns restarts it as it was.
func reconfigureWith(t *testing.T, line, by string) (restore func()) {
	t.Helper()
	return reconfigureTo(t, func(config string) string {
		if !strings.Contains(config, line) {
			t.Fatalf("the configuration has no line %q", line)
		}
		return strings.Replace(config, line, by, 1)
	})
}
