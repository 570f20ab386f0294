package controller

import "github.com/prometheus/client_golang/prometheus"

// Metrics tell what waits at this door. pending_audit_records is the fourth of
// the seed's; the other three are where storing happens, in the worker.
type Metrics struct {
	pending       prometheus.Gauge
	startFailures prometheus.Counter
	abandoned     prometheus.Counter
	removed       *prometheus.CounterVec
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
	r.MustRegister(m.pending, m.startFailures, m.abandoned, m.removed)
	return m
}
