package activities

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/auditflow/auditflow/audit"
)

// Progress is what a step tells Temporal while it runs: the next attempt goes on
// from there, on whichever worker.
type Progress struct {
	Rows int64 `json:"rows,omitempty"`
	// Base is where the archive was when what is missing was looked for.
	Base Base `json:"base"`
	// Segments are in the archive and read back. What comes next is the row after
	// the last one's last.
	Segments []audit.Segment `json:"segments,omitempty"`
	// Verified are periods found intact.
	Verified []string `json:"verified,omitempty"`
}

// beatEvery is well below the heartbeat time-out, so that only a worker that is
// gone is taken for gone. That a living one is stuck is told by the step's own
// time-out.
const beatEvery = 5 * time.Second

var errStopping = errors.New("the worker is stopping: another one goes on")

// beat is a running step. It tells its progress, and ends with the worker.
type beat struct {
	ctx  context.Context
	mu   sync.Mutex
	now  Progress
	stop func()
}

// begin starts to tell progress, from where the last attempt was. What is done
// with the context it returns ends when the workflow is cancelled or the worker
// is asked to stop; end must be called.
func begin(ctx context.Context) (context.Context, *beat) {
	ctx, cancel := context.WithCancelCause(ctx)
	b := &beat{ctx: ctx, stop: func() { cancel(context.Canceled) }}
	if !activity.IsActivity(ctx) {
		return ctx, b
	}
	if activity.HasHeartbeatDetails(ctx) {
		// Details that another release wrote and this one cannot read mean a start
		// from the beginning, which is only slower.
		if err := activity.GetHeartbeatDetails(ctx, &b.now); err != nil {
			b.now = Progress{}
		}
	}
	stopping := activity.GetWorkerStopChannel(ctx)
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(beatEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				b.tell(nil)
			case <-stopping:
				cancel(errStopping)
				return
			case <-ctx.Done():
				return
			}
		}
	})
	b.stop = func() { cancel(context.Canceled); ended.Wait() }
	return ctx, b
}

func (b *beat) end() { b.stop() }

// tell changes the progress, if asked to, and tells it.
func (b *beat) tell(change func(*Progress)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if change != nil {
		change(&b.now)
	}
	if activity.IsActivity(b.ctx) {
		activity.RecordHeartbeat(b.ctx, b.now)
	}
}

// rows notes how many rows have been gone through; the next beat tells it.
func (b *beat) rows(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now.Rows = n
}

// sofar is a copy of the progress.
func (b *beat) sofar() Progress {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.now
	p.Segments, p.Verified = slices.Clone(p.Segments), slices.Clone(p.Verified)
	return p
}
