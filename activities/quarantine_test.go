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
	"github.com/auditflow/auditflow/audit/seal"
)

type counted func(context.Context) (int64, error)

func (c counted) Quarantined(ctx context.Context) (int64, error) { return c(ctx) }

func TestTheQuarantineIsCountedAtEachScrape(t *testing.T) {
	t.Parallel()
	registry, n := prometheus.NewRegistry(), int64(3)
	registry.MustRegister(activities.NewQuarantineGauge(counted(func(context.Context) (int64, error) { return n, nil })))
	exposition(t, registry).has(t, "auditflow_quarantine_records 3")
	n = 0
	exposition(t, registry).has(t, "auditflow_quarantine_records 0")
}

func TestAScrapeDoesWithoutTheQuarantineOfADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]counted{
		"it refuses":         func(context.Context) (int64, error) { return 0, errors.New("connection refused") },
		"it does not answer": func(ctx context.Context) (int64, error) { <-ctx.Done(); return 0, ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				registry := prometheus.NewRegistry()
				other := prometheus.NewGauge(prometheus.GaugeOpts{Name: "other"})
				registry.MustRegister(other, activities.NewQuarantineGauge(away))
				began := time.Now()
				got := exposition(t, registry)
				got.has(t, "other 0")
				got.has(t, "auditflow_quarantine_read_failures_total 1")
				if strings.Contains(string(got), "auditflow_quarantine_records") {
					t.Errorf("a sample of what is not known: %s", got)
				}
				if took := time.Since(began); took > time.Second {
					t.Errorf("the scrape took %s", took)
				}
			})
		})
	}
}

func TestAQuarantinedRecordIsCountedAsSuchAndHasNoLag(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	bad := observed("bad")
	bad.ExecutionID = tooLong
	done := b.persist(t, b.redact(t, b.seal(t, seal.Observed, observed("good"), bad)))
	if len(done.Rows) != 2 || done.Rows[1].Outcome != "quarantined" || done.Redactions["gitlab-token"] != 4 {
		t.Errorf("delivered %+v", done)
	}
	exposition(t, b.metrics).has(t,
		`auditflow_records_total{outcome="stored"} 1`,
		`auditflow_records_total{outcome="quarantined"} 1`,
		`auditflow_delivery_lag_seconds_count 1`,
		`auditflow_redactions_total{rule="gitlab-token"} 4`)
}
