package httpapi

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics tell what is asked of the door and what it refuses.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	records  *prometheus.CounterVec
	refused  *prometheus.CounterVec
	bytes    prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditflow_http_requests_total", Help: "Requests answered, by route and status",
		}, []string{"route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "auditflow_http_request_duration_seconds", Help: "Time to answer, by route; with ?wait=persisted including the wait",
			Buckets: []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
		}, []string{"route"}),
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditflow_http_records_total",
			Help: "Records taken: started, joined (the same again), conflict (another record of an execution or an Idempotency-Key that is there)",
		}, []string{"outcome"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditflow_http_refused_total", Help: "Requests answered with 429, by the limit that was reached: bytes, rate, starts",
		}, []string{"limit"}),
		bytes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "auditflow_http_in_flight_bytes", Help: "Bytes of the bodies in hand, chunked ones at their limit",
		}),
	}
	r.MustRegister(m.requests, m.duration, m.records, m.refused, m.bytes)
	for _, outcome := range []string{"started", "joined", "conflict"} { // a series that exists at 0 can be alerted on
		m.records.WithLabelValues(outcome)
	}
	for _, limit := range []string{"bytes", "rate", "starts"} {
		m.refused.WithLabelValues(limit)
	}
	return m
}

func (m *metrics) request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(route).Observe(took.Seconds())
}
