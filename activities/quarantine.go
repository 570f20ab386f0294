package activities

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Quarantine counts the records that the store could not take where they belong.
type Quarantine interface {
	Quarantined(ctx context.Context) (int64, error)
}

// scrapePatience is how long a scrape waits for the database.
const scrapePatience = time.Second

// quarantineGauge asks the store at each scrape: records leave quarantine by
// other hands than this process's.
type quarantineGauge struct {
	quarantine Quarantine
	records    *prometheus.Desc
	failures   prometheus.Counter
}

// NewQuarantineGauge makes the gauge auditflow_quarantine_records. While the
// database is away it has no sample, and the scrape goes on without it.
func NewQuarantineGauge(q Quarantine) prometheus.Collector {
	return &quarantineGauge{
		quarantine: q,
		records: prometheus.NewDesc("auditflow_quarantine_records",
			"Records in quarantine now, see auditctl quarantine list; absent while the database does not answer", nil, nil),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "auditflow_quarantine_read_failures_total",
			Help: "Scrapes at which the database did not tell in time how many records are in quarantine",
		}),
	}
}

// Describe implements [prometheus.Collector].
func (g *quarantineGauge) Describe(descs chan<- *prometheus.Desc) {
	descs <- g.records
	g.failures.Describe(descs)
}

// Collect implements [prometheus.Collector].
func (g *quarantineGauge) Collect(samples chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
	defer cancel()
	defer g.failures.Collect(samples)
	n, err := g.quarantine.Quarantined(ctx)
	if err != nil {
		g.failures.Inc()
		return // what is wrong with the database is told by readiness and failed attempts
	}
	samples <- prometheus.MustNewConstMetric(g.records, prometheus.GaugeValue, float64(n))
}
