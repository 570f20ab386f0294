package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

func TestVolumeCountsByStepsThatBeginWithTheRange(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)})
	begin := time.Date(2026, 3, 30, 23, 30, 0, 0, time.UTC) // steps go over midnights and months
	var records []audit.Record
	for i, at := range []time.Duration{-time.Second, 0, 59 * time.Minute, 3 * time.Hour, 4*time.Hour - time.Microsecond, 4 * time.Hour} {
		created := begin.Add(at)
		r := audit.Record{
			ID: audit.ID("prod", t.Name()+string(rune('a'+i))), ExecutionID: "ex", ActionType: "scale", Success: i != 2, RetryCount: int32(i % 2),
			CreatedAt: created, Phase: "Completed", Cluster: "prod", Source: "Job",
		}
		r.RecordSHA256 = r.Digest()
		records = append(records, r)
	}
	_, err := store.Append(t.Context(), records)
	must(t, err)
	steps, err := store.Volume(t.Context(), postgres.Range{From: begin, To: begin.Add(4 * time.Hour)}, time.Hour)
	must(t, err)
	want := []postgres.VolumeStep{{Start: begin, Succeeded: 1, Failed: 1, Retried: 1}, {Start: begin.Add(3 * time.Hour), Succeeded: 2, Retried: 1}}
	equal(t, "steps", len(steps), len(want))
	for i := range want {
		equal(t, "step", steps[i], want[i])
	}
}

func TestVolumeOfAnUnboundedTimeIsNotCounted(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)})
	now := time.Now()
	for name, ask := range map[string]func() ([]postgres.VolumeStep, error){
		"without an end": func() ([]postgres.VolumeStep, error) {
			return store.Volume(t.Context(), postgres.Range{From: now}, time.Hour)
		},
		"without a step": func() ([]postgres.VolumeStep, error) {
			return store.Volume(t.Context(), postgres.Range{From: now.Add(-time.Hour), To: now}, 0)
		},
	} {
		var argument *postgres.ArgumentError
		if _, err := ask(); !errors.As(err, &argument) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
