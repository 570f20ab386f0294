package controller

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics tell what waits at this door. pending_audit_records is the fourth of
// the seed's; the other three are where storing happens, in the worker.
type Metrics struct {
	pending       prometheus.Gauge
	startFailures prometheus.Counter
	abandoned     prometheus.Counter
	removed       *prometheus.CounterVec

	completed     *prometheus.GaugeVec
	persisted     *prometheus.GaugeVec
	delivering    *prometheus.GaugeVec
	oldestPending *prometheus.GaugeVec
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		pending: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "kubernaut_kubernetesexecutor_pending_audit_records",
			Help: "Number of audit records waiting to be persisted",
		}),
		startFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "auditflow_delivery_start_failures_total",
			Help: "Attempts to start a delivery that failed; each is tried again",
		}),
		abandoned: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "auditflow_deliveries_abandoned_total",
			Help: "Deliveries that somebody ended after their execution was gone; reset the workflow to have the record persisted",
		}),
		removed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditflow_objects_removed_total",
			Help: "Recorded objects that were removed after their review window, by source",
		}, []string{"source"}),
	}
	ofSource := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"source"})
	}
	m.completed = ofSource("auditflow_completed_objects", "Objects in the cluster whose execution has ended, as the leader sees them, by source")
	m.persisted = ofSource("auditflow_persisted_objects", "Those of auditflow_completed_objects whose row is committed, as their mark says, by source")
	m.delivering = ofSource("auditflow_pending_objects",
		"Those of auditflow_completed_objects that are not marked and are being delivered, by source; completed - persisted - pending is in nobody's hands")
	m.oldestPending = ofSource("auditflow_oldest_pending_seconds",
		"Time since the end, by its own clock, of the execution that ended first of those that are not marked, by source; 0 when all are")
	r.MustRegister(m.pending, m.startFailures, m.abandoned, m.removed, m.completed, m.persisted, m.delivering, m.oldestPending)
	return m
}

// objects tells what a census has found of one source.
func (m *Metrics) objects(source string, found count, now time.Time) {
	m.completed.WithLabelValues(source).Set(float64(found.completed))
	m.persisted.WithLabelValues(source).Set(float64(found.persisted))
	m.delivering.WithLabelValues(source).Set(float64(found.pending))
	var age time.Duration
	if !found.oldest.IsZero() {
		age = max(0, now.Sub(found.oldest))
	}
	m.oldestPending.WithLabelValues(source).Set(age.Seconds())
}

func (m *Metrics) forgetObjects(source string) {
	for _, g := range []*prometheus.GaugeVec{m.completed, m.persisted, m.delivering, m.oldestPending} {
		g.DeleteLabelValues(source)
	}
}
