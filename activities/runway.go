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
	// Restored is how many rows are back from the archive, and their table's bytes.
	Restored(ctx context.Context) (rows, bytes int64, err error)
}

// trailGauges ask the store at each scrape, for no longer than [scrapePatience]
// all together; what costs more than a look into the catalogue, more rarely.
type trailGauges struct {
	trail     Trail
	create    lifecycle.Create
	retention audit.Retention

	runway, rows, bytes, partitions    *prometheus.Desc
	missing                            *prometheus.Desc
	unverified, holds, collides, stays *prometheus.Desc
	failures                           *prometheus.CounterVec

	mu      sync.Mutex // held while a scrape asks
	filed   []lifecycle.Filed
	filedAt time.Time
	held    map[string]answer
}

// What can be asked of the trail: labels of the failures.
const (
	askPartitions = "partitions"
	askArchive    = "archive"
	askRestored   = "restored"
	askHolds      = "holds"
)

// NewTrailGauges makes the gauges of partitions, rows, bytes and holds; the
// policies are those that the trail is under. What the database does not tell
// within a second has no sample, is counted as a failure, and the scrape goes on
// without it.
func NewTrailGauges(t Trail, c lifecycle.Create, r audit.Retention) prometheus.Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	g := &trailGauges{
		trail: t, create: c, retention: r, held: map[string]answer{},
		runway: desc("auditflow_partition_runway_seconds",
			"For how long from now there is a partition for every instant; absent while the database does not answer"),
		missing: desc("auditflow_partitions_missing",
			"Periods that lack a partition and are to have one: the present one, those ahead, holes of the recent past; the next run creates them"),
		partitions: desc("auditflow_partitions",
			"Partitions by state: attached, detaching (half way out, blocks others until it is finished), detached (out, to be compared and dropped)", "state"),
		rows: desc("auditflow_trail_rows",
			"Rows, estimated where they are live: live (in the database), archived, held (in partitions of which any row is held), restored", "state"),
		bytes: desc("auditflow_trail_bytes",
			"Bytes: live (tables with indexes), archived (segments), held (tables with indexes), restored (table with indexes)", "state"),
		unverified: desc("auditflow_archive_unverified_seconds",
			"Time since the archived period that was read back longest ago was; absent while nothing is archived"),
		holds: desc("auditflow_holds", "Holds in force"),
		collides: desc("auditflow_hold_collision_seconds",
			"Time until something that is held expires and only its hold keeps it, by place: database, archive (holds on periods only); absent when nothing will", "place"),
		stays: desc("auditflow_held_expired", "Partitions (database) and periods (archive, holds on periods only) that have expired and that only a hold keeps, by place", "place"),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditflow_trail_read_failures_total",
			Help: "Questions for these gauges that the database did not answer in time, by question: partitions, archive, restored, holds",
		}, []string{"question"}),
	}
	for _, question := range []string{askPartitions, askArchive, askRestored, askHolds} {
		g.failures.WithLabelValues(question)
	}
	return g
}

// Describe implements [prometheus.Collector].
func (g *trailGauges) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.runway, g.missing, g.partitions, g.rows, g.bytes, g.unverified, g.holds, g.collides, g.stays} {
		descs <- d
	}
	g.failures.Describe(descs)
}

// Collect implements [prometheus.Collector].
func (g *trailGauges) Collect(samples chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
	defer cancel()
	g.mu.Lock()
	defer g.mu.Unlock()
	defer g.failures.Collect(samples)
	to := sink{g, samples}
	now := time.Now()
	partitions, err := g.trail.Partitions(ctx)
	if g.failed(askPartitions, err) {
		return // the rest would have to wait for the same database
	}
	to.partitions(now, partitions)
	catalogued := !g.failed(askArchive, g.readCatalogue(ctx, now))
	if catalogued {
		to.archive(now)
	}
	if rows, bytes, err := g.trail.Restored(ctx); !g.failed(askRestored, err) {
		to.size("restored", rows, bytes)
	}
	holds, held, err := g.heldAmong(ctx, now, partitions)
	if g.failed(askHolds, err) {
		return
	}
	to.gauge(g.holds, float64(len(holds)))
	rows, bytes := sizeOf(held)
	to.size("held", rows, bytes)
	to.collision("database", now, lifecycle.CollideLive(now, g.retention, held))
	if catalogued {
		to.collision("archive", now, lifecycle.CollideArchive(now, g.retention, g.filed, holds))
	}
}

func (g *trailGauges) failed(question string, err error) bool {
	if err != nil {
		g.failures.WithLabelValues(question).Inc()
	}
	return err != nil
}

// sink is where one scrape's samples go.
type sink struct {
	*trailGauges
	samples chan<- prometheus.Metric
}

func (s sink) gauge(d *prometheus.Desc, value float64, labels ...string) {
	s.samples <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func (s sink) size(state string, rows, bytes int64) {
	s.gauge(s.rows, float64(rows), state)
	s.gauge(s.bytes, float64(bytes), state)
}

func (s sink) partitions(now time.Time, all []audit.Partition) {
	s.gauge(s.runway, lifecycle.Runway(now, all).Seconds())
	s.gauge(s.missing, float64(len(lifecycle.CreateAhead(now, s.create, all))))
	rows, bytes := sizeOf(all)
	s.size("live", rows, bytes)
	byState := map[audit.PartitionState]int{audit.PartitionAttached: 0, audit.PartitionDetaching: 0, audit.PartitionDetached: 0}
	for _, p := range all {
		byState[p.State]++
	}
	for state, n := range byState {
		s.gauge(s.trailGauges.partitions, float64(n), string(state))
	}
}

func (s sink) archive(now time.Time) {
	rows, bytes, oldest := s.archived()
	s.size("archived", rows, bytes)
	if !oldest.IsZero() {
		s.gauge(s.unverified, max(0, now.Sub(oldest).Seconds()))
	}
}

func (s sink) collision(place string, now time.Time, c lifecycle.Collision) {
	s.gauge(s.stays, float64(c.Overdue), place)
	if !c.Next.IsZero() {
		s.gauge(s.collides, c.Next.Sub(now).Seconds(), place)
	}
}
