package price

import (
	"context"
	"sync"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/test/load/turn"
	"github.com/auditflow/auditflow/workflows"
)

// What the controller has unless somebody says otherwise: executions observed at
// once beside those that wait for company, deliveries watched at once, and how long
// a record waits for company.
const (
	starters      = 16
	watchers      = 128
	flushInterval = 30 * time.Second
)

// handed is a record that Temporal has.
type handed struct {
	delivery  workflows.Delivery
	completed time.Time
}

// batched hands records over in natural batches, and waits for all of them. With
// a rate they complete one by one, on a clock, whether those before are persisted
// or not; else all have piled up.
func (s *Starter) batched(ctx context.Context, o turn.Order) (a turn.Answer, err error) {
	records, err := turn.Read(o)
	if err != nil {
		return a, err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	batcher := workflows.NewBatcher(s.starter, workflows.BatchConfig{Size: o.Batch, Wait: flushInterval})
	deliveries := make(chan handed, o.Records)
	deliver := func(r audit.Record, completed time.Time) {
		expected := batcher.Expect()
		defer expected.Cancel()
		r.CompletedAt = completed.UTC().Truncate(time.Microsecond)
		d, err := s.start(ctx, func(ctx context.Context, r audit.Record) (workflows.Delivery, error) { return expected.Start(ctx, r) }, r)
		if err != nil {
			fail(err)
			return
		}
		deliveries <- handed{d, completed}
	}
	watched := watch(ctx, deliveries, &a, fail)
	began := time.Now()
	if o.Rate > 0 {
		paced(ctx, records, o.Rate, deliver)
	} else {
		piledUp(ctx, records, starters+2*o.Batch, deliver)
	}
	a.HandedOver = time.Since(began).Seconds()
	close(deliveries)
	watched.Wait()
	return a, context.Cause(ctx)
}

func piledUp(ctx context.Context, records *turn.Records, callers int, deliver func(audit.Record, time.Time)) {
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			for r := records.Next(1); len(r) > 0 && ctx.Err() == nil; r = records.Next(1) {
				deliver(r[0], time.Now())
			}
		})
	}
	wait.Wait()
}

// paced counts from the instant at which a record should have completed: where we
// are late, it has waited all the same.
func paced(ctx context.Context, records *turn.Records, rate float64, deliver func(audit.Record, time.Time)) {
	var wait sync.WaitGroup
	defer wait.Wait()
	began := time.Now()
	for i := 0; ; i++ {
		r := records.Next(1)
		if len(r) == 0 {
			return
		}
		completed := began.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(completed)):
		}
		wait.Go(func() { deliver(r[0], completed) })
	}
}

// await waits again when Temporal was away meanwhile, as the controller does.
func await(ctx context.Context, d workflows.Delivery) error {
	for {
		_, err := d.Wait(ctx)
		if err == nil || workflows.Ended(err) || ctx.Err() != nil {
			return err
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// watch waits for the rows of all deliveries, so many at a time.
func watch(ctx context.Context, deliveries <-chan handed, a *turn.Answer, fail context.CancelCauseFunc) *sync.WaitGroup {
	var wait sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]bool{}
	for range watchers {
		wait.Go(func() {
			for h := range deliveries {
				if err := await(ctx, h.delivery); err != nil {
					fail(err)
					continue
				}
				waited := time.Since(h.completed)
				mu.Lock()
				a.Accepted++
				a.Waits = append(a.Waits, float64(waited.Microseconds())/1000)
				if id := h.delivery.ID(); !seen[id] {
					seen[id] = true
					if a.Workflows++; len(a.Sample) < 5 {
						a.Sample = append(a.Sample, id)
					}
				}
				mu.Unlock()
			}
		})
	}
	return &wait
}
