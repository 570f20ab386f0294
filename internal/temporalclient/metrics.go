package temporalclient

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
)

// labels are those of the SDK's tags that become labels, on every metric alike.
// Their values are few and known when a program is built. Whatever else the SDK
// tags its metrics with, now or in a later version, is left out: a label with
// the ids of workflows would never end.
var labels = [...]string{"activity_type", "failure_reason", "operation", "poller_type", "status_code", "task_queue", "worker_type", "workflow_type"}

// latencies are for anything from a call on the same machine to an outage, in seconds.
var latencies = []float64{0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600}

// Metrics shows the metrics of Temporal's SDK in a registry, as the SDK names
// them: counters end in _total, timers are histograms in seconds. Give it to all
// clients of a process: they share the series. Safe for concurrent use.
func Metrics(r prometheus.Registerer) client.MetricsHandler {
	return handler{made: &made{registerer: r, metrics: map[string]prometheus.Collector{}}}
}

// handler is what is tagged so far.
type handler struct {
	*made
	values [len(labels)]string
}

// WithTags implements [client.MetricsHandler].
func (h handler) WithTags(tags map[string]string) client.MetricsHandler {
	for i, label := range labels {
		if value, tagged := tags[label]; tagged {
			if value == "none" { // the SDK's word for a tag that does not apply
				value = ""
			}
			h.values[i] = value
		}
	}
	return h
}

// Counter implements [client.MetricsHandler].
func (h handler) Counter(name string) client.MetricsCounter {
	vec := get(h.made, name+"_total", func(name string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels[:])
	})
	if vec == nil {
		return client.MetricsNopHandler.Counter(name)
	}
	return counter{vec.WithLabelValues(h.values[:]...)}
}

// Gauge implements [client.MetricsHandler].
func (h handler) Gauge(name string) client.MetricsGauge {
	vec := get(h.made, name, func(name string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels[:])
	})
	if vec == nil {
		return client.MetricsNopHandler.Gauge(name)
	}
	return gauge{vec.WithLabelValues(h.values[:]...)}
}

// Timer implements [client.MetricsHandler].
func (h handler) Timer(name string) client.MetricsTimer {
	vec := get(h.made, name+"_seconds", func(name string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: latencies}, labels[:])
	})
	if vec == nil {
		return client.MetricsNopHandler.Timer(name)
	}
	return timer{vec.WithLabelValues(h.values[:]...)}
}

const help = "Of Temporal's SDK, see its documentation"

// made are the metrics there are so far, by name.
type made struct {
	registerer prometheus.Registerer

	mu      sync.RWMutex
	metrics map[string]prometheus.Collector
}

// get returns a metric, which it makes when it is first asked for. It is nil when
// the name is taken by another kind of metric: a bug of somebody's is no reason
// for a worker to fail.
func get[V prometheus.Collector](m *made, name string, create func(name string) V) V {
	m.mu.RLock()
	c, there := m.metrics[name]
	m.mu.RUnlock()
	if !there {
		c = m.add(name, create(name))
	}
	v, _ := c.(V)
	return v
}

func (m *made) add(name string, c prometheus.Collector) prometheus.Collector {
	m.mu.Lock()
	defer m.mu.Unlock()
	if other, there := m.metrics[name]; there { // somebody else was faster
		return other
	}
	if m.registerer.Register(c) != nil {
		c = nil
	}
	m.metrics[name] = c
	return c
}

type (
	counter struct{ prometheus.Counter }
	gauge   struct{ prometheus.Gauge }
	timer   struct{ prometheus.Observer }
)

func (c counter) Inc(n int64)             { c.Add(float64(n)) }
func (g gauge) Update(value float64)      { g.Set(value) }
func (t timer) Record(took time.Duration) { t.Observe(took.Seconds()) }
