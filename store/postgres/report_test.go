package postgres_test

import (
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

func TestReportsOfNothingAreEmpty(t *testing.T) {
	t.Parallel()
	store := stored(t)
	for _, r := range []postgres.Range{{}, {From: january, To: january.Add(time.Hour)}} {
		durations, err := store.Durations(t.Context(), r, true)
		must(t, err)
		retries, err := store.Retries(t.Context(), r)
		must(t, err)
		resources, err := store.Resources(t.Context(), r)
		must(t, err)
		equal(t, "rows", len(durations)+len(retries)+len(resources), 0)
		equal(t, "failures", len(collect(t, store.Failures(t.Context(), r, 0))), 0)
		equal(t, "slow", len(collect(t, store.Slow(t.Context(), r, 0, 0))), 0)
	}
}

func TestDurationsCountFailuresOnlyWhenAskedAndUnknownOnesOnlyInTotal(t *testing.T) {
	t.Parallel()
	took := func(uid string, success bool, d *time.Duration) audit.Record {
		return with(uid, january, func(r *audit.Record) { r.Success, r.Duration = success, d })
	}
	second, minute := time.Second, time.Minute
	unknown := minimal("drain", january)
	unknown.ActionType, unknown.Success = "drain", true
	store := stored(t,
		took("a", true, &second), took("b", false, &minute), took("c", true, nil), digested(unknown))
	for all, want := range map[bool]string{
		false: "scale-deployment: 2 in total, average 1s, longest 1s, 1 buckets\n" +
			"drain: 1 in total, average 0s, longest 0s, 0 buckets\n",
		true: "scale-deployment: 3 in total, average 30.5s, longest 1m0s, 10 buckets\n" +
			"drain: 1 in total, average 0s, longest 0s, 0 buckets\n",
	} {
		durations, err := store.Durations(t.Context(), postgres.Range{}, all)
		must(t, err)
		var got string
		for _, d := range durations {
			got += fmt.Sprintf("%s: %d in total, average %v, longest %v, %d buckets\n", d.Action, d.Total, d.Avg, d.Max, len(d.Distribution))
		}
		equal(t, fmt.Sprintf("durations, all %v", all), got, want)
	}
}

func TestListsAreReadPageByPageInTheirOrder(t *testing.T) {
	t.Parallel()
	records := many(1150, january)
	for i := range records { // 23 of each duration, step and completion
		duration := time.Duration(i%50) * time.Second
		records[i].Duration, records[i].StepIndex, records[i].Success = &duration, int32(i%50), false
		records[i].CompletedAt = january.Add(duration)
		records[i] = digested(records[i])
	}
	store := stored(t, records...)
	for name, rows := range map[string][]postgres.Row{
		"workflow": collect(t, store.Workflow(t.Context(), "alert-12345-workflow")),
		"failures": collect(t, store.Failures(t.Context(), postgres.Range{}, 0)),
		"slow":     collect(t, store.Slow(t.Context(), postgres.Range{}, 0, 0)),
	} {
		t.Run(name, func(t *testing.T) {
			wanted := 1150
			if name == "slow" {
				wanted -= 23 // those that took no time at all did not take longer than that
			}
			equal(t, "rows", len(rows), wanted)
			seen := map[string]bool{}
			for i, r := range rows {
				seen[r.ID] = true
				want := int32(49 - i/23)
				if name == "workflow" {
					want = int32(i / 23)
				}
				if r.StepIndex != want {
					t.Fatalf("row %d is of step %d, want %d", i, r.StepIndex, want)
				}
			}
			equal(t, "different rows", len(seen), wanted)
		})
	}
}

func TestAFailureThatDoesNotKnowItsEndLiesInNoRange(t *testing.T) {
	t.Parallel()
	store := stored(t,
		with("known", january, func(r *audit.Record) { r.Success = false }),
		with("unknown", january, func(r *audit.Record) { r.Success, r.CompletedAt = false, time.Time{} }))
	equal(t, "failures", names(collect(t, store.Failures(t.Context(), postgres.Range{}, 0))), "known")
}

func TestASequenceMayBeReadAgain(t *testing.T) {
	t.Parallel()
	store := stored(t, many(150, january)...)
	for name, rows := range map[string]iter.Seq2[postgres.Row, error]{
		"find": store.Find(t.Context(), postgres.Query{Filter: postgres.Filter{Namespace: "*-shop"}}),
		"slow": store.Slow(t.Context(), postgres.Range{}, 0, 0),
	} {
		for range 2 {
			equal(t, "rows of "+name, len(collect(t, rows)), 150)
		}
	}
}
