package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

func TestRecentCountsWhatWasPersistedBySourceAndItsLag(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	if r, err := store.Recent(t.Context()); err != nil || r.LastDay != 0 || r.LagP50 != nil || len(r.Sources) != 0 {
		t.Errorf("an empty trail: %+v, %v", r, err)
	}
	insert := func(n int, source string, created, completed, persisted time.Duration) {
		execute(t, conn, fmt.Sprintf(`
			INSERT INTO kubernetes_execution_audit
				(id, execution_id, workflow_ref, step_index, action_type, success, created_at, completed_at, persisted_at, cluster, source, record_sha256)
			SELECT gen_random_uuid(), 'e', 'w', 0, 'a', true, now() - interval '%d s', now() - interval '%d s', now() - interval '%d s', 'c', '%s', sha256('x')
			FROM generate_series(1, %d)`,
			int(created.Seconds()), int(completed.Seconds()), int(persisted.Seconds()), source, n))
	}
	for day := -40; day <= 0; day++ {
		_, err := store.EnsurePeriod(t.Context(), audit.PeriodOf(audit.Monthly, time.Now().AddDate(0, 0, day)))
		must(t, err)
	}
	insert(98, "Job", time.Hour, 31*time.Minute, 30*time.Minute)
	insert(2, "KubernetesExecution", 50*time.Hour, 40*time.Minute, 30*time.Minute)
	insert(3, "Job", 6*time.Hour, 5*time.Hour, 4*time.Hour)
	insert(4, "Job", 30*time.Hour, 29*time.Hour, 28*time.Hour) // the day before
	insert(5, "Job", 35*24*time.Hour, time.Hour, time.Minute)  // created longer ago than is looked at

	r, err := store.Recent(t.Context())
	must(t, err)
	if r.LastHour != 100 || r.LastDay != 103 {
		t.Errorf("%d in the last hour and %d in the last day, want 100 and 103", r.LastHour, r.LastDay)
	}
	if got, want := fmt.Sprint(r.Sources), "[{Job 98 101} {KubernetesExecution 2 2}]"; got != want {
		t.Errorf("by source %s, want %s", got, want)
	}
	if r.LagP50 == nil || *r.LagP50 != time.Minute || *r.LagP99 != 10*time.Minute {
		t.Errorf("lag %v and %v, want 1m and 10m", r.LagP50, r.LagP99)
	}
	if back := time.Since(r.CreatedSince); back < 30*24*time.Hour || back > 32*24*time.Hour {
		t.Errorf("looked back %s at a small trail", back)
	}
}
