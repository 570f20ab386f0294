package activities_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/auditflow/auditflow/audit/seal"
)

func TestMetricsAreTheSeedsToTheLetterAndOurs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	late, early, unknown := observed("one"), observed("two"), observed("three")
	late.CompletedAt = time.Now().Add(-2 * time.Hour)
	early.CompletedAt = time.Now().Add(24 * time.Hour) // a clock that is ahead is no negative lag
	unknown.CompletedAt = time.Time{}
	redacted := b.redact(t, b.seal(t, seal.Observed, late, early, unknown))

	b.store.fail = func(context.Context) error { return errors.New("connection refused") }
	if failure := b.failure(t, "Persist", redacted); failure.Type() != "connection" {
		t.Errorf("type %q", failure.Type())
	}
	b.store.fail = nil
	b.persist(t, redacted)
	b.persist(t, redacted) // three duplicates
	other := observed("one")
	other.Output = "other content " + canary
	b.persist(t, b.redact(t, b.seal(t, seal.Observed, other))) // a conflict

	got := exposition(t, b.metrics).steady()
	if got != strings.TrimPrefix(goldenMetrics, "\n") {
		t.Errorf("metrics are\n%s\nwant\n%s", got, goldenMetrics)
	}
}

type metrics string

func exposition(t *testing.T, registry *prometheus.Registry) metrics {
	t.Helper()
	page := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return metrics(page.Body.String())
}

func (m metrics) has(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+string(m), "\n"+line+"\n") {
			name, _, _ := strings.Cut(line, "{")
			t.Errorf("want %s, got %q", line, regexp.MustCompile(`(?m)^`+name+`\W.*$`).FindAllString(string(m), -1))
		}
	}
}

// clock matches what depends on the clock of the machine.
var clock = regexp.MustCompile(`(?m)^(\w+_seconds_sum|\w+_duration_seconds_bucket\{le="[\d.]+"\}) \S+$`)

func (m metrics) steady() string { return clock.ReplaceAllString(string(m), "$1 …") }

// Of the three records, one is two hours late, one early, of one the time is
// not known; their duplicates and the conflict observe no lag and mask nothing.
const goldenMetrics = `
# HELP auditflow_delivery_failures_total Attempts of a delivery's step that failed, by step (redact, persist) and error_type: key_unknown (no key opens the envelope), marshal_error, timeout, panic, or a class of the store's errors; each is tried again
# TYPE auditflow_delivery_failures_total counter
auditflow_delivery_failures_total{error_type="connection",step="persist"} 1
auditflow_delivery_failures_total{error_type="key_unknown",step="persist"} 0
auditflow_delivery_failures_total{error_type="key_unknown",step="redact"} 0
auditflow_delivery_failures_total{error_type="marshal_error",step="persist"} 0
auditflow_delivery_failures_total{error_type="marshal_error",step="redact"} 0
auditflow_delivery_failures_total{error_type="panic",step="persist"} 0
auditflow_delivery_failures_total{error_type="panic",step="redact"} 0
auditflow_delivery_failures_total{error_type="timeout",step="persist"} 0
auditflow_delivery_failures_total{error_type="timeout",step="redact"} 0
# HELP auditflow_delivery_lag_seconds Time from the completion of an execution, by its own clock, to its committed row
# TYPE auditflow_delivery_lag_seconds histogram
auditflow_delivery_lag_seconds_bucket{le="0.05"} 1
auditflow_delivery_lag_seconds_bucket{le="0.1"} 1
auditflow_delivery_lag_seconds_bucket{le="0.25"} 1
auditflow_delivery_lag_seconds_bucket{le="0.5"} 1
auditflow_delivery_lag_seconds_bucket{le="1"} 1
auditflow_delivery_lag_seconds_bucket{le="2"} 1
auditflow_delivery_lag_seconds_bucket{le="5"} 1
auditflow_delivery_lag_seconds_bucket{le="10"} 1
auditflow_delivery_lag_seconds_bucket{le="30"} 1
auditflow_delivery_lag_seconds_bucket{le="60"} 1
auditflow_delivery_lag_seconds_bucket{le="300"} 1
auditflow_delivery_lag_seconds_bucket{le="1800"} 1
auditflow_delivery_lag_seconds_bucket{le="3600"} 1
auditflow_delivery_lag_seconds_bucket{le="21600"} 2
auditflow_delivery_lag_seconds_bucket{le="86400"} 2
auditflow_delivery_lag_seconds_bucket{le="+Inf"} 2
auditflow_delivery_lag_seconds_sum …
auditflow_delivery_lag_seconds_count 2
# HELP auditflow_records_total Records appended, by outcome: stored, duplicate (same content again), conflict (same id, other content), quarantined (the table cannot hold it)
# TYPE auditflow_records_total counter
auditflow_records_total{outcome="conflict"} 1
auditflow_records_total{outcome="duplicate"} 3
auditflow_records_total{outcome="quarantined"} 0
auditflow_records_total{outcome="stored"} 3
# HELP auditflow_redactions_total Places masked in stored and quarantined records, by rule
# TYPE auditflow_redactions_total counter
auditflow_redactions_total{rule="gitlab-token"} 6
auditflow_redactions_total{rule="password"} 3
# HELP kubernaut_kubernetesexecutor_audit_storage_attempts_total Total audit storage attempts
# TYPE kubernaut_kubernetesexecutor_audit_storage_attempts_total counter
kubernaut_kubernetesexecutor_audit_storage_attempts_total{status="error"} 1
kubernaut_kubernetesexecutor_audit_storage_attempts_total{status="success"} 3
# HELP kubernaut_kubernetesexecutor_audit_storage_duration_seconds Duration of audit storage operations
# TYPE kubernaut_kubernetesexecutor_audit_storage_duration_seconds histogram
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_bucket{le="0.01"} …
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_bucket{le="0.05"} …
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_bucket{le="0.1"} …
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_bucket{le="0.25"} …
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_bucket{le="0.5"} …
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_bucket{le="1"} …
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_bucket{le="2"} …
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_bucket{le="+Inf"} 4
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_sum …
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_count 4
# HELP kubernaut_kubernetesexecutor_audit_storage_failures_total Total audit storage failures
# TYPE kubernaut_kubernetesexecutor_audit_storage_failures_total counter
kubernaut_kubernetesexecutor_audit_storage_failures_total{error_type="connection"} 1
kubernaut_kubernetesexecutor_audit_storage_failures_total{error_type="key_unknown"} 0
kubernaut_kubernetesexecutor_audit_storage_failures_total{error_type="marshal_error"} 0
kubernaut_kubernetesexecutor_audit_storage_failures_total{error_type="panic"} 0
kubernaut_kubernetesexecutor_audit_storage_failures_total{error_type="timeout"} 0
`

func TestAnEnvelopeThatNoKeyOpensIsCountedAtTheStepItStops(t *testing.T) {
	t.Parallel()
	b, other := newBench(t), newBench(t)
	if failure := b.failure(t, "Redact", other.seal(t, seal.Observed, observed("one"))); failure.Type() != "key_unknown" {
		t.Errorf("type %q", failure.Type())
	}
	exposition(t, b.metrics).has(t,
		`auditflow_delivery_failures_total{error_type="key_unknown",step="redact"} 1`,
		`auditflow_delivery_failures_total{error_type="key_unknown",step="persist"} 0`)
}
