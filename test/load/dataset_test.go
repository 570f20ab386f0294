package main

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
)

func TestEveryRecordIsAsNormalisingLeavesItAndHasItsDigest(t *testing.T) {
	t.Parallel()
	for _, r := range records(t, 5000, 3, 1).chunk(0) {
		normal := r.Normalise()
		equal(t, "digest after normalising once more", normal.Digest(), r.RecordSHA256)
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		equal(t, "id", r.ID, audit.ID(r.Cluster, r.ExecutionUID))
	}
}

func TestEveryParameterTemplateIsInCanonicalForm(t *testing.T) {
	t.Parallel()
	for _, does := range actions {
		if does.parameters == "" {
			continue
		}
		written := strings.ReplaceAll(does.parameters, "#", "7")
		normal := audit.Record{ActionParameters: []byte(`{"app":"x",` + written[1:])}.Normalise()
		equal(t, does.name, string(normal.ActionParameters), `{"app":"x",`+written[1:])
	}
}

func TestNoTwoRecordsHaveOneID(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, seed := range []uint64{1, 2} {
		d := records(t, 12_000, 9, seed)
		for k := range d.chunks() {
			for _, r := range d.chunk(k) {
				seen[r.ID] = true
			}
		}
	}
	equal(t, "ids", len(seen), 24_000)
}

func TestNothingHappensOutsideTheDays(t *testing.T) {
	t.Parallel()
	d := records(t, 7000, 1, 3)
	for k := range d.chunks() {
		for _, r := range d.chunk(k) {
			if r.CreatedAt.Before(d.from()) || r.CompletedAt.Before(r.CreatedAt) || r.CompletedAt.After(until) {
				t.Fatalf("created %v, completed %v: not in order within [%v, %v]", r.CreatedAt, r.CompletedAt, d.from(), until)
			}
		}
	}
}

func TestChunksFollowEachOtherInTime(t *testing.T) {
	t.Parallel()
	d := records(t, 40_000, 40, 1)
	median := func(k int) time.Time {
		rows := d.chunk(k)
		return rows[len(rows)/2].persistedAt
	}
	for k := 1; k < d.chunks(); k++ {
		if !median(k - 1).Before(median(k)) {
			t.Errorf("chunk %d is not later than the one before", k)
		}
	}
}

func TestTheStepsOfAWorkflowAreInOrder(t *testing.T) {
	t.Parallel()
	last := map[string]row{}
	rows := records(t, 5000, 9, 1).chunk(0)
	slices.SortStableFunc(rows, func(a, b row) int { return int(a.StepIndex - b.StepIndex) })
	for _, r := range rows {
		if r.WorkflowRef == "" {
			equal(t, "source of a record without workflow", r.Source, "Job")
			continue
		}
		before, second := last[r.WorkflowRef]
		last[r.WorkflowRef] = r
		if !second {
			equal(t, "first step", r.StepIndex, 0)
			continue
		}
		equal(t, "step", r.StepIndex, before.StepIndex+1)
		if r.CreatedAt.Before(before.CompletedAt) {
			t.Errorf("%s: step %d began before step %d ended", r.WorkflowRef, r.StepIndex, before.StepIndex)
		}
	}
}

// The claims of the help and of docs/performance.md, on 40,000 records.
func TestTheSkewIsWhatWeClaim(t *testing.T) {
	t.Parallel()
	d := records(t, 40_000, 28, 1)
	count := map[string]float64{}
	byAction, byNamespace, durations := map[string]int{}, map[string]int{}, map[time.Duration]int{}
	usages := map[audit.ResourceUsage]int{}
	var output float64
	for k := range d.chunks() {
		for _, r := range d.chunk(k) {
			tell := func(what string, is bool) {
				if is {
					count[what]++
				}
			}
			byAction[r.ActionType]++
			byNamespace[r.TargetNamespace]++
			output += float64(len(r.Output))
			tell("success", r.Success)
			tell("production", strings.HasPrefix(r.TargetNamespace, "prod-"))
			tell("http", r.Source == "HTTP")
			tell("usage", r.JobResourceUsage != nil)
			tell("redacted", len(r.Redactions) > 0)
			tell("noted", len(r.Notes) > 0)
			tell("retried", r.RetryCount > 0)
			tell("waited", !r.StartTime.IsZero() && r.StartTime.Sub(r.CreatedAt) > 20*time.Minute)
			tell("exit unknown", r.JobExitCode == nil)
			tell("by day", r.CompletedAt.Hour() >= 8 && r.CompletedAt.Hour() < 20)
			tell("at weekends", r.CompletedAt.Weekday()%6 == 0)
			tell("large", len(r.Output) > 8<<10)
			if r.JobResourceUsage != nil {
				usages[*r.JobResourceUsage]++
			}
			if r.Duration != nil && r.Source == "KubernetesExecution" {
				durations[*r.Duration]++
				equal(t, "fraction of a second", *r.Duration%time.Second, 0)
			}
		}
	}
	for what, want := range map[string][2]float64{ // share of records, and how far off it may be
		"success": {.93, .02}, "production": {.15, .03}, "http": {.055, .015}, "usage": {.83, .04}, "redacted": {.03, .005},
		"noted": {.002, .001}, "retried": {.12, .04}, "waited": {.02, .006}, "exit unknown": {.025, .015},
		"by day": {.65, .05}, "at weekends": {.17, .03}, "large": {.0012, .001},
	} {
		if got := count[what] / float64(d.rows); math.Abs(got-want[0]) > want[1] {
			t.Errorf("%s: %.4f of the records, want %.4f ± %.4f", what, got, want[0], want[1])
		}
	}
	equal(t, "actions", len(byAction), 25)
	equal(t, "namespaces", len(byNamespace), 400)
	if most := byAction["restart-pod"]; most < 5*byAction["patch-ingress"] {
		t.Errorf("the first action has %d records, the last but one %d: not skewed", most, byAction["patch-ingress"])
	}
	if n := len(usages); n < 24 || n > 60 {
		t.Errorf("%d request sizes, want a few dozen", n)
	}
	if n := len(durations); n > 3000 {
		t.Errorf("%d different durations of whole seconds", n)
	}
	if mean := output / float64(d.rows); mean < 250 || mean > 400 {
		t.Errorf("output has %.0f bytes on average, want about 300", mean)
	}
}

func TestADataSetOfNothingIsRefused(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{0, 1}, {1, 0}, {-1, 1}} {
		if _, err := newDataset(size[0], size[1], 1, until); err == nil {
			t.Errorf("%d rows over %d days were accepted", size[0], size[1])
		}
	}
}
