package workflows

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditflow/auditflow/audit"
)

// MaxBatchRecords is the most that a batch can hold, whoever configures it: so
// many short ids are all that a search attribute takes, see [AttributeRecords].
const MaxBatchRecords = 150

// DefaultBatchRecords is the size of a batch where nobody says another one.
const DefaultBatchRecords = 100

// BatchConfig bounds batches.
type BatchConfig struct {
	// Size is the most records in one workflow, up to [MaxBatchRecords]; 1 is
	// strictly one workflow per record. Default [DefaultBatchRecords].
	Size int
	// Bytes is the most of what the records of a batch hold before they are
	// packed. A larger record goes alone. Default 768 KiB, which stays below 1 MiB
	// sealed even where nothing can be compressed.
	Bytes int
	// Wait is the longest that a record waits for company; 0 is not at all, hence
	// one workflow per record.
	Wait time.Duration
	// InFlight is how many starts may be under way before records gather. Default 1.
	InFlight int
	// Registerer takes auditflow_batch_records; nil: nobody counts.
	Registerer prometheus.Registerer
}

// company is the longest that a record waits for those that are only on their
// way to it: long enough for a door under pressure to fill a batch, too short to
// notice when the others do not come. While many deliveries are late, it waits as
// long for those of which nobody knows yet.
const company = time.Second

// Batcher hands records over to Temporal, in company when they come faster than
// they can be started. A lone record goes at once, as [Starter.Start] sends it;
// while a start is under way, or a door says that more are on their way, the next
// ones gather and go as one workflow; so they do while the store is so far behind
// that many deliveries are late. It has no goroutine and no timer while
// nothing waits. Safe for concurrent use.
//
// Records wait in memory only, each with its caller, who still has it.
type Batcher struct {
	cfg  BatchConfig
	send func(context.Context, []audit.Record) []Started
	size prometheus.Histogram
	late lateness

	mu      sync.Mutex
	waiting []*waiter // in the order in which they came
	coming  int       // expected, and not here yet
	flying  int       // starts under way
	clock   *time.Timer
}

// Started is what became of one record of several.
type Started struct {
	Delivery Delivery
	Err      error
}

// NewBatcher makes a Batcher over a starter.
func NewBatcher(s *Starter, cfg BatchConfig) *Batcher {
	b := newBatcher(cfg)
	b.send = s.startAll
	return b
}

func newBatcher(cfg BatchConfig) *Batcher {
	if cfg.Size == 0 {
		cfg.Size = DefaultBatchRecords
	}
	cfg.Size = min(cfg.Size, MaxBatchRecords)
	if cfg.Bytes == 0 {
		cfg.Bytes = 768 << 10
	}
	if cfg.InFlight == 0 {
		cfg.InFlight = 1
	}
	b := &Batcher{cfg: cfg, size: prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "auditflow_batch_records", Help: "Records per workflow that was started",
		Buckets: []float64{1, 2, 5, 10, 20, 50, 100, MaxBatchRecords},
	})}
	if cfg.Registerer != nil {
		cfg.Registerer.MustRegister(b.size)
	}
	return b
}

// Size is the most records in one workflow.
func (b *Batcher) Size() int {
	if b.cfg.Wait == 0 {
		return 1
	}
	return b.cfg.Size
}

// Start returns once Temporal has the record durably, alone or in company. Its
// errors are those of [Starter.Start]. When ctx ends it waits no longer; the
// record may be started nevertheless, which is harmless.
func (b *Batcher) Start(ctx context.Context, r audit.Record) (Delivery, error) {
	started := b.start(ctx, []audit.Record{r}, 0)[0]
	return started.Delivery, started.Err
}

// StartAll is [Batcher.Start] for records that come together: they make as few
// workflows as they can. One that is refused holds up none of the others.
func (b *Batcher) StartAll(ctx context.Context, records []audit.Record) []Started {
	return b.start(ctx, records, 0)
}

// Expect tells that a record is on its way: as long as it is, those that are
// here wait for it, but not for long. The caller must end what it began with
// [Expected.Start] or [Expected.Cancel].
func (b *Batcher) Expect() *Expected {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.coming++
	return &Expected{batcher: b, open: 1}
}

// Expected is a record on its way. It must not be used by several at once.
type Expected struct {
	batcher *Batcher
	open    int // 1 until it is here, or does not come
}

// Start is [Batcher.Start] of the record that was expected.
func (e *Expected) Start(ctx context.Context, r audit.Record) (Delivery, error) {
	arrived := e.open
	e.open = 0
	started := e.batcher.start(ctx, []audit.Record{r}, arrived)[0]
	return started.Delivery, started.Err
}

// Cancel tells that it does not come. After Start it does nothing.
func (e *Expected) Cancel() {
	arrived := e.open
	e.open = 0
	if arrived > 0 {
		e.batcher.start(context.Background(), nil, arrived)
	}
}

// start brings records to the others and waits for what becomes of them.
// arrived of those that were expected are among them, or do not come.
func (b *Batcher) start(ctx context.Context, records []audit.Record, arrived int) []Started {
	waiters, results := make([]*waiter, 0, len(records)), make([]Started, len(records))
	for i, r := range records {
		if err := r.Validate(); err != nil { // before it gathers: a batch holds only what can be delivered
			results[i].Err = fmt.Errorf("record %s: %w", r.ID, err)
			continue
		}
		waiters = append(waiters, &waiter{record: r, place: i, bytes: weight(r), ctx: ctx, answer: make(chan Started, 1)})
	}
	b.mu.Lock()
	b.coming -= arrived
	now := time.Now()
	for _, w := range waiters {
		w.since = now
		b.waiting = append(b.waiting, w)
	}
	b.dispatch() //nolint:contextcheck // a start lives by those who wait for it, not by whoever sends it
	b.mu.Unlock()
	for _, w := range waiters {
		results[w.place] = b.await(ctx, w)
	}
	return results
}

// await returns what became of a record. Of one whose caller leaves before it
// was sent nothing remains; a start that nobody waits for any more is broken off.
func (b *Batcher) await(ctx context.Context, w *waiter) Started {
	select {
	case s := <-w.answer:
		return s
	case <-ctx.Done():
	}
	select {
	case s := <-w.answer: // both were there: the better news counts
		return s
	default:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leave(w)
	b.dispatch() //nolint:contextcheck // a start lives by those who wait for it, not by whoever sends it
	return Started{Err: fmt.Errorf("start record %s: %w", w.record.ID, context.Cause(ctx))}
}
