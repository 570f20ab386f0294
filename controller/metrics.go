package controller

import "github.com/prometheus/client_golang/prometheus"

// Metrics tell what waits at this door. pending_audit_records is the fourth of
// the seed's; the other three are where storing happens, in the worker.
type Metrics struct {
	pending       prometheus.Gauge
	startFailures prometheus.Counter
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
	}
	r.MustRegister(m.pending, m.startFailures)
	return m
}
