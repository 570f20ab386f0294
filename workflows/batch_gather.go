package workflows

import (
	"context"
	"slices"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// What gathers, and when it goes. The methods in this file want the lock.

// waiter is a record with the caller that waits for it.
type waiter struct {
	record audit.Record
	place  int // among those of its caller
	bytes  int
	since  time.Time
	ctx    context.Context //nolint:containedctx // a start outlives none of its callers, and has no other to live by
	flight *flight         // nil: it is not sent yet
	answer chan Started    // takes one without anybody reading it
}

// flight is a start under way. Those who wait for it may leave; the last one
// ends it.
type flight struct {
	waiters []*waiter
	staying int
	cancel  context.CancelFunc
}

// dispatch sends what is due, and sets the clock for what is not.
func (b *Batcher) dispatch() {
	if b.clock != nil {
		b.clock.Stop()
		b.clock = nil
	}
	for len(b.waiting) > 0 {
		if later := b.due(time.Since(b.waiting[0].since)); later > 0 {
			b.clock = time.AfterFunc(later, func() {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.dispatch()
			})
			return
		}
		b.fly(b.take())
	}
}

// due is how long what waits may go on waiting if nothing happens; 0 is no
// longer. The first one has waited for so long.
func (b *Batcher) due(waited time.Duration) time.Duration {
	switch {
	case b.Size() == 1:
		return 0
	case b.flying >= b.cfg.InFlight:
		return max(0, b.cfg.Wait-waited)
	case b.full(), b.coming == 0 && !b.late.many():
		return 0
	default:
		return max(0, min(company, b.cfg.Wait)-waited)
	}
}

// full tells that what waits is enough for a batch.
func (b *Batcher) full() bool {
	bytes := 0
	for i, w := range b.waiting {
		if bytes += w.bytes; bytes >= b.cfg.Bytes || i+1 >= b.cfg.Size {
			return true
		}
	}
	return false
}

// take removes the first ones, as many as make a batch.
func (b *Batcher) take() []*waiter {
	n, bytes := 0, 0
	for n < len(b.waiting) && n < b.Size() {
		if bytes += b.waiting[n].bytes; n > 0 && bytes > b.cfg.Bytes {
			break
		}
		n++
	}
	taken := slices.Clone(b.waiting[:n])
	b.waiting = slices.Delete(b.waiting, 0, n) // clears what it leaves behind, so that no record is kept
	return taken
}

// fly sends a batch. It lives as long as any of its callers wants it to.
func (b *Batcher) fly(batch []*waiter) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(batch[0].ctx)) // its values tell the trace
	f := &flight{waiters: batch, staying: len(batch), cancel: cancel}
	records := make([]audit.Record, len(batch))
	for i, w := range batch {
		w.flight, records[i] = f, w.record
	}
	b.flying++
	ctx, landed := traceTogether(ctx, batch)
	go func() {
		defer cancel()
		started := b.send(ctx, records)
		landed()
		b.count(started)
		now := time.Now()
		for i, w := range batch {
			started[i].Delivery.late, started[i].Delivery.since = &b.late, now
			w.answer <- started[i]
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.flying--
		b.dispatch() //nolint:contextcheck // what comes next has callers of its own
	}()
}

// leave is for a caller that waits no longer.
func (b *Batcher) leave(w *waiter) {
	if w.flight == nil {
		b.waiting = slices.DeleteFunc(b.waiting, func(x *waiter) bool { return x == w })
		return
	}
	if w.flight.staying--; w.flight.staying == 0 {
		w.flight.cancel()
	}
}

// count tells the metric of each workflow that these records made.
func (b *Batcher) count(started []Started) {
	sizes := map[string]int{}
	for _, s := range started {
		if s.Err == nil && !s.Delivery.joined {
			sizes[s.Delivery.ID()]++
		}
	}
	for _, n := range sizes {
		b.size.Observe(float64(n))
	}
}

// weight is about what a record takes in an envelope before it is packed.
func weight(r audit.Record) int {
	const names = 1200 // of fields, numbers, times, ids
	n := names + len(r.ActionParameters)
	for _, text := range []string{
		r.ExecutionID, r.WorkflowRef, r.ActionType, r.TargetNamespace, r.TargetResourceKind, r.TargetResourceName,
		r.Output, r.Error, r.JobName, r.JobPodName, r.ExecutionNamespace, r.JobExitReason,
	} {
		n += len(text)
	}
	return n
}
