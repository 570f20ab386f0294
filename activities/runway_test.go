package activities_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

// trail is what the gauges read; asked counts by method.
type trail struct {
	partitions []audit.Partition
	archived   []audit.Archived
	tombstones []audit.Tombstone
	holds      []audit.Hold
	held       map[string]bool
	fail       map[string]error
	slow       map[string]bool // does not answer
	asked      map[string]int
}

func (tr *trail) ask(ctx context.Context, method string) error {
	if tr.asked == nil {
		tr.asked = map[string]int{}
	}
	tr.asked[method]++
	if tr.slow[method] {
		<-ctx.Done()
		return ctx.Err()
	}
	return tr.fail[method]
}

func (tr *trail) Partitions(ctx context.Context) ([]audit.Partition, error) {
	return tr.partitions, tr.ask(ctx, "Partitions")
}

func (tr *trail) Archived(ctx context.Context, _ string) ([]audit.Archived, error) {
	return tr.archived, tr.ask(ctx, "Archived")
}

func (tr *trail) Tombstones(ctx context.Context, _ int) ([]audit.Tombstone, error) {
	return tr.tombstones, tr.ask(ctx, "Tombstones")
}

func (tr *trail) Holds(ctx context.Context, _ bool) ([]audit.Hold, error) {
	return tr.holds, tr.ask(ctx, "Holds")
}

func (tr *trail) Holding(ctx context.Context, partition string) ([]audit.Hold, error) {
	err := tr.ask(ctx, "Holding")
	if tr.held[partition] {
		return tr.holds, err
	}
	return nil, err
}

// somewhere is a trail with three partitions, the first held, and three archived
// periods, the first deleted from the archive.
func somewhere(now time.Time) *trail {
	tr := &trail{held: map[string]bool{"a": true}, holds: []audit.Hold{{ID: 1}}, tombstones: []audit.Tombstone{{What: audit.DeletedArchive, Name: "old"}}}
	for i, name := range []string{"a", "b", "c"} {
		at := now.Add(time.Duration(i-1) * 24 * time.Hour)
		tr.partitions = append(tr.partitions, audit.Partition{
			Name: name, Period: audit.Period{Start: at, End: at.Add(24 * time.Hour)}, Rows: int64(100*i) - 1, Bytes: 1000, State: audit.PartitionAttached,
		})
	}
	for i, period := range []string{"old", "x", "y"} {
		tr.archived = append(tr.archived, audit.Archived{Manifest: audit.Manifest{
			Period: period, Start: now.AddDate(-1, i, 0), End: now.AddDate(-1, i+1, 0), Rows: 10, Bytes: 30, ArchivedAt: now.Add(time.Duration(i-5) * time.Hour),
		}})
	}
	return tr
}

func (tr *trail) Restored(ctx context.Context) (rows, bytes int64, err error) {
	return 7, 70, tr.ask(ctx, "Restored")
}

func gauges(tr *trail) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(activities.NewTrailGauges(tr, lifecycle.Create{Interval: audit.Daily, Ahead: 3}, audit.Retention{Mode: audit.RetainPartitions, Live: 48 * time.Hour, Archive: 20 * 24 * time.Hour}))
	return registry
}

func TestTheGaugesTellRunwayRowsAndBytesByState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := somewhere(time.Now())
		registry := gauges(tr)
		exposition(t, registry).has(t,
			"auditflow_partition_runway_seconds 172800",
			`auditflow_trail_rows{state="live"} 298`, `auditflow_trail_bytes{state="live"} 3000`,
			`auditflow_trail_rows{state="archived"} 20`, `auditflow_trail_bytes{state="archived"} 60`,
			`auditflow_trail_rows{state="held"} 0`, `auditflow_trail_bytes{state="held"} 1000`,
			"auditflow_archive_unverified_seconds 14400",
			`auditflow_trail_rows{state="restored"} 7`, `auditflow_trail_bytes{state="restored"} 70`,
			`auditflow_partitions{state="attached"} 3`, `auditflow_partitions{state="detaching"} 0`, `auditflow_partitions{state="detached"} 0`,
			"auditflow_partitions_missing 2", // of three ahead there is one
			"auditflow_holds 1", `auditflow_held_expired{place="database"} 0`, `auditflow_hold_collision_seconds{place="database"} 172800`,
			`auditflow_held_expired{place="archive"} 0`, `auditflow_trail_read_failures_total{question="holds"} 0`)

		// The runway shrinks between scrapes; what costs is not asked each time.
		time.Sleep(30 * time.Second)
		exposition(t, registry).has(t, "auditflow_partition_runway_seconds 172770")
		if tr.asked["Archived"] != 1 || tr.asked["Holding"] != 3 || tr.asked["Partitions"] != 2 {
			t.Errorf("asked %v", tr.asked)
		}
		tr.holds = nil // released
		time.Sleep(time.Minute)
		exposition(t, registry).has(t, `auditflow_trail_bytes{state="held"} 0`)
		if tr.asked["Archived"] != 2 {
			t.Errorf("asked %v", tr.asked)
		}
	})
}

func TestAScrapeDoesWithoutWhatTheDatabaseDoesNotTell(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fail, slow    string
		with, without []string
	}{
		"it refuses":             {"Partitions", "", []string{`failures_total{question="partitions"} 1`}, []string{"runway", "trail_rows{", "unverified"}},
		"it does not answer":     {"", "Partitions", []string{`failures_total{question="partitions"} 1`}, []string{"runway", "trail_rows{", "unverified"}},
		"holds are slow to find": {"", "Holding", []string{"runway_seconds", `{state="live"}`, `{state="archived"}`, `{question="holds"} 1`}, []string{`{state="held"}`, "hold_collision", "held_expired"}},
		"the catalogue is away":  {"Archived", "", []string{"runway_seconds", `{state="live"}`, `{state="held"}`, `{question="archive"} 1`}, []string{`{state="archived"}`, "unverified", `{place="archive"}`}},
		"restores are away":      {"Restored", "", []string{`{state="held"}`, `{question="restored"} 1`}, []string{`{state="restored"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tr := somewhere(time.Now())
				tr.fail, tr.slow = map[string]error{tc.fail: errors.New("connection refused")}, map[string]bool{tc.slow: true}
				began := time.Now()
				got := string(exposition(t, gauges(tr)))
				if took := time.Since(began); took > time.Second {
					t.Errorf("the scrape took %s", took)
				}
				for _, want := range tc.with {
					if !strings.Contains(got, want) {
						t.Errorf("lacks %s:\n%s", want, got)
					}
				}
				for _, unknown := range tc.without {
					if strings.Contains(got, unknown) {
						t.Errorf("a sample of what is not known, %s:\n%s", unknown, got)
					}
				}
			})
		})
	}
}

func TestRunsAreCountedByTaskAndOutcomeFromZeroOn(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := &activities.Maintain{Metrics: activities.NewMaintenanceMetrics(registry, "audit-archive", "audit-tier")}
	if err := m.CountRun(t.Context(), "audit-archive", activities.OutcomeFailed); err != nil {
		t.Error(err)
	}
	exposition(t, registry).has(t,
		`auditflow_maintenance_runs_total{outcome="failed",task="audit-archive"} 1`, `auditflow_maintenance_runs_total{outcome="done",task="audit-archive"} 0`,
		`auditflow_maintenance_runs_total{outcome="failed",task="audit-tier"} 0`, "auditflow_archived_rows_total 0", "auditflow_deleted_rows_total 0")
}
