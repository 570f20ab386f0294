package activities

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditflow/auditflow/audit"
)

// Metrics tell how storing goes. The first three are the seed's (section 6), to
// the letter; its fourth, pending_audit_records, belongs to the controller.
type Metrics struct {
	attempts   *prometheus.CounterVec
	failures   *prometheus.CounterVec
	steps      *prometheus.CounterVec
	duration   prometheus.Histogram
	records    *prometheus.CounterVec
	redactions *prometheus.CounterVec
	lag        prometheus.Histogram
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kubernaut_kubernetesexecutor_audit_storage_attempts_total",
			Help: "Total audit storage attempts",
		}, []string{"status"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kubernaut_kubernetesexecutor_audit_storage_failures_total",
			Help: "Total audit storage failures",
		}, []string{"error_type"}),
		steps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditflow_delivery_failures_total",
			Help: "Attempts of a delivery's step that failed, by step (redact, persist) and error_type: key_unknown (no key opens the envelope), marshal_error, timeout, panic, or a class of the store's errors; each is tried again",
		}, []string{"step", "error_type"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "kubernaut_kubernetesexecutor_audit_storage_duration_seconds",
			Help:    "Duration of audit storage operations",
			Buckets: []float64{0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0},
		}),
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditflow_records_total",
			Help: "Records appended, by outcome: stored, duplicate (same content again), conflict (same id, other content), quarantined (the table cannot hold it)",
		}, []string{"outcome"}),
		redactions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditflow_redactions_total",
			Help: "Places masked in stored and quarantined records, by rule",
		}, []string{"rule"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "auditflow_delivery_lag_seconds",
			Help:    "Time from the completion of an execution, by its own clock, to its committed row",
			Buckets: []float64{0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 3600, 21600, 86400},
		}),
	}
	r.MustRegister(m.attempts, m.failures, m.steps, m.duration, m.records, m.redactions, m.lag)
	for _, status := range []string{"success", "error"} { // a series that exists at 0 can be alerted on
		m.attempts.WithLabelValues(status)
	}
	for _, outcome := range []audit.Outcome{
		audit.OutcomeStored, audit.OutcomeDuplicate, audit.OutcomeConflict, audit.OutcomeQuarantined,
	} {
		m.records.WithLabelValues(string(outcome))
	}
	for _, errorType := range []string{TypeKeyUnknown, TypeEnvelope, TypeTimeout, TypePanic} {
		m.failures.WithLabelValues(errorType)
		m.steps.WithLabelValues(stepRedact, errorType)
		m.steps.WithLabelValues(stepPersist, errorType)
	}
	return m
}

// The steps of a delivery. Redacting a batch record by record is the first one, too.
const (
	stepRedact  = "redact"
	stepPersist = "persist"
)

// failed counts an attempt that failed; none when the type is empty.
func (m *Metrics) failed(step, errorType string) {
	if errorType != "" {
		m.steps.WithLabelValues(step, errorType).Inc()
	}
}

func (m *Metrics) attempt(took time.Duration, errorType string) {
	m.duration.Observe(took.Seconds())
	if errorType == "" {
		m.attempts.WithLabelValues("success").Inc()
		return
	}
	m.attempts.WithLabelValues("error").Inc()
	m.failures.WithLabelValues(errorType).Inc()
	m.failed(stepPersist, errorType)
}

func (m *Metrics) stored(now time.Time, records []audit.Record, receipts []audit.Receipt) {
	for i, receipt := range receipts {
		m.records.WithLabelValues(string(receipt.Outcome)).Inc()
		stored := receipt.Outcome == audit.OutcomeStored
		if !stored && receipt.Outcome != audit.OutcomeQuarantined {
			continue
		}
		for _, masked := range records[i].Redactions {
			m.redactions.WithLabelValues(masked.Rule).Add(float64(masked.Count))
		}
		if completed := records[i].CompletedAt; stored && !completed.IsZero() {
			m.lag.Observe(max(0, now.Sub(completed).Seconds()))
		}
	}
}
