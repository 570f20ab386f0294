package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"

	"github.com/auditflow/auditflow/test/world"
)

func answeredBy(identity string) *history.HistoryEvent {
	return &history.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, Attributes: &history.HistoryEvent_WorkflowTaskCompletedEventAttributes{
		WorkflowTaskCompletedEventAttributes: &history.WorkflowTaskCompletedEventAttributes{Identity: identity},
	}}
}

func TestAHistoryTellsWhichReleasesWorkedOnItAndWhatFailed(t *testing.T) {
	t.Parallel()
	h := newHistoryTally(map[int]string{7: releaseBefore, 8: releaseThis})
	h.add([]*history.HistoryEvent{
		{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, Attributes: &history.HistoryEvent_WorkflowExecutionStartedEventAttributes{
			WorkflowExecutionStartedEventAttributes: &history.WorkflowExecutionStartedEventAttributes{Identity: "auditflow-controller@host/7"},
		}},
		answeredBy("auditflow-worker@host/7"), answeredBy("auditflow-worker@host/8"), answeredBy("auditflow-worker@host/8"),
	})
	h.add([]*history.HistoryEvent{answeredBy("auditflow-worker@host/8"), answeredBy("somebody else")})
	h.add([]*history.HistoryEvent{{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED, Attributes: &history.HistoryEvent_WorkflowTaskFailedEventAttributes{
		WorkflowTaskFailedEventAttributes: &history.WorkflowTaskFailedEventAttributes{Cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR},
	}}})
	if h.read != 3 || h.shared != 1 || h.started[releaseBefore] != 1 || h.tasks[releaseBefore] != 1 || h.tasks[releaseThis] != 3 || h.failed["NonDeterministicError"] != 1 {
		t.Errorf("%d read, %d shared, %v started, %v tasks, %v failed", h.read, h.shared, h.started, h.tasks, h.failed)
	}
}

func TestAWorkerThatDoesNotUnderstandAHistoryIsNoticedInItsLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tr := trial{stage: &stage{World: &world.World{Dir: dir}}}
	if err := os.Mkdir(tr.LogDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	if tr.noneMisunderstood() == nil {
		t.Error("there is no log, and all is well")
	}
	said := func(line string) []string {
		tr.complaints = nil
		if err := os.WriteFile(filepath.Join(tr.LogDir(), "worker-before.log"), []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := tr.noneMisunderstood(); err != nil {
			t.Fatal(err)
		}
		return tr.complaints
	}
	if c := said(`{"level":"INFO","msg":"Started Worker"}`); len(c) != 0 {
		t.Error(c)
	}
	if c := said(`{"level":"ERROR","msg":"Workflow panic","Error":"[TMPRL1100] lookup failed for scheduledEventID"}`); len(c) != 1 {
		t.Error(c)
	}
}

func TestTheReleaseBeforeIsTakenFromGit(t *testing.T) {
	t.Parallel()
	if !installed("git") {
		t.Skip("there is no git")
	}
	ctx, repository := t.Context(), t.TempDir()
	if _, err := checkOut(ctx, repository, "HEAD", t.TempDir()); err == nil || !strings.Contains(err.Error(), "no checkout") {
		t.Errorf("a directory that git does not know: %v", err)
	}
	commit := func(content string, more ...string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(repository, "file"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		do(ctx, t, repository, "add", ".")
		do(ctx, t, repository, "-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false", "commit", "-qm", content)
		if len(more) > 0 {
			do(ctx, t, repository, more...)
		}
	}
	do(ctx, t, repository, "init", "-q")
	commit("first", "tag", "v1")
	commit("second")
	if ref := earlierRelease(ctx, repository); ref != "v1" {
		t.Errorf("the release before is %q", ref)
	}
	commit("third", "tag", "-d", "v1")
	if ref := earlierRelease(ctx, repository); ref != "HEAD~1" {
		t.Errorf("without a tag the release before is %q", ref)
	}
	into := t.TempDir()
	if _, err := checkOut(ctx, repository, "HEAD~1", into); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(into, "file")); err != nil || string(text) != "second" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := checkOut(ctx, repository, "v9", t.TempDir()); err == nil || !strings.Contains(err.Error(), `no commit "v9"`) {
		t.Errorf("a commit that there is not: %v", err)
	}
}

func do(ctx context.Context, t *testing.T, repository string, args ...string) {
	t.Helper()
	if _, err := git(ctx, repository, args...); err != nil {
		t.Fatal(err)
	}
}

func TestAQuantileIsOfWhatWasObservedSince(t *testing.T) {
	t.Parallel()
	earlier := distribution{0.1: 100, 1: 100, math.Inf(1): 100}
	later := distribution{0.1: 150, 1: 198, math.Inf(1): 200}
	for share, want := range map[float64]float64{0.5: 0.1, 0.9: 1, 0.99: math.Inf(1)} {
		if got := later.since(earlier).quantile(share); got != want {
			t.Errorf("%v: %v, want %v", share, got, want)
		}
	}
	if got := later.since(later).quantile(0.99); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
