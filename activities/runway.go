package activities

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

// Trail is what the gauges of the trail are read from.
type Trail interface {
	Partitions(ctx context.Context) ([]audit.Partition, error)
	Archived(ctx context.Context, period string) ([]audit.Archived, error)
	Tombstones(ctx context.Context, limit int) ([]audit.Tombstone, error)
	Holds(ctx context.Context, released bool) ([]audit.Hold, error)
	Holding(ctx context.Context, partition string) ([]audit.Hold, error)
}

// What costs more than a look into the catalogue is asked again only after a
// while, whatever the scrapes.
const (
	catalogueFor = time.Minute
	heldFor      = 10 * time.Minute
)

// trailGauges ask the store at each scrape.
type trailGauges struct {
	trail                             Trail
	runway, rows, bytes, unverifiedAt *prometheus.Desc

	mu      sync.Mutex // held while a scrape asks
	filed   []lifecycle.Filed
	filedAt time.Time
	held    map[string]answer
}

// answer is whether a partition is held, and when that was asked.
type answer struct {
	held bool
	at   time.Time
}

// NewTrailGauges makes the gauges of partitions, rows and bytes. What the
// database does not tell within a second has no sample, and the scrape goes on
// without it.
func NewTrailGauges(t Trail) prometheus.Collector {
	state := []string{"state"}
	return &trailGauges{
		trail: t, held: map[string]answer{},
		runway: prometheus.NewDesc("auditflow_partition_runway_seconds",
			"For how long from now there is a partition for every instant; absent while the database does not answer", nil, nil),
		rows: prometheus.NewDesc("auditflow_trail_rows",
			"Rows, estimated where they are live: live (in the database), archived, held (in partitions of which any row is held)", state, nil),
		bytes: prometheus.NewDesc("auditflow_trail_bytes",
			"Bytes: live (tables with indexes), archived (segments), held (tables with indexes)", state, nil),
		unverifiedAt: prometheus.NewDesc("auditflow_archive_unverified_seconds",
			"Time since the archived period that was read back longest ago was; absent while nothing is archived", nil, nil),
	}
}

// Describe implements [prometheus.Collector].
func (g *trailGauges) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.runway, g.rows, g.bytes, g.unverifiedAt} {
		descs <- d
	}
}

// Collect implements [prometheus.Collector].
func (g *trailGauges) Collect(samples chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
	defer cancel()
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	partitions, err := g.trail.Partitions(ctx)
	if err != nil {
		return // what is wrong with the database is told by readiness and failed runs
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		samples <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	size := func(state string, rows, bytes int64) {
		gauge(g.rows, float64(rows), state)
		gauge(g.bytes, float64(bytes), state)
	}
	gauge(g.runway, lifecycle.Runway(now, partitions).Seconds())
	rows, bytes := sizeOf(partitions)
	size("live", rows, bytes)
	if g.readCatalogue(ctx, now) == nil {
		rows, bytes, oldest := g.archived()
		size("archived", rows, bytes)
		if !oldest.IsZero() {
			gauge(g.unverifiedAt, max(0, now.Sub(oldest).Seconds()))
		}
	}
	if held, err := g.heldAmong(ctx, now, partitions); err == nil {
		rows, bytes := sizeOf(held)
		size("held", rows, bytes)
	}
}

func sizeOf(partitions []audit.Partition) (rows, bytes int64) {
	for _, p := range partitions {
		rows += max(0, p.Rows) // -1 is no estimate yet
		bytes += p.Bytes
	}
	return rows, bytes
}

func (g *trailGauges) readCatalogue(ctx context.Context, now time.Time) error {
	if !g.filedAt.IsZero() && now.Sub(g.filedAt) < catalogueFor {
		return nil
	}
	archived, err := g.trail.Archived(ctx, "")
	if err != nil {
		return err
	}
	tombstones, err := g.trail.Tombstones(ctx, 0)
	if err != nil {
		return err
	}
	g.filed, g.filedAt = lifecycle.File(archived, tombstones), now
	return nil
}

func (g *trailGauges) archived() (rows, bytes int64, oldest time.Time) {
	for _, f := range g.filed {
		if f.Deleted {
			continue
		}
		rows += f.Rows
		bytes += f.Bytes
		if oldest.IsZero() || f.ReadAt.Before(oldest) {
			oldest = f.ReadAt
		}
	}
	return rows, bytes, oldest
}

// heldAmong are the partitions that are held. Answers are kept for a while, so
// that even a slow database has told all of them after some scrapes.
func (g *trailGauges) heldAmong(ctx context.Context, now time.Time, partitions []audit.Partition) (held []audit.Partition, err error) {
	holds, err := g.trail.Holds(ctx, false)
	if err != nil || len(holds) == 0 {
		clear(g.held)
		return nil, err
	}
	for _, p := range partitions {
		known, ok := g.held[p.Name]
		if !ok || now.Sub(known.at) >= heldFor {
			by, err := g.trail.Holding(ctx, p.Name)
			if err != nil {
				return nil, err
			}
			known = answer{len(by) > 0, now}
			g.held[p.Name] = known
		}
		if known.held {
			held = append(held, p)
		}
	}
	return held, nil
}
