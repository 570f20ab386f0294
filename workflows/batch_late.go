package workflows

import (
	"sync/atomic"
	"time"
)

const (
	// lateAfter is how long a delivery may take before it is late. While all is well
	// it takes milliseconds, under load a second or two.
	lateAfter = 5 * time.Second
	// manyLate is how many of those that are waited for must be late before that
	// says something about the store, and not about these few.
	manyLate = 16
)

// lateness counts the deliveries that somebody waits for and that are late. While
// there are many, Temporal tries each workflow again and again: a workflow less is
// then worth more than a second that its record waits for company. The zero value
// is ready.
type lateness struct{ late atomic.Int64 }

func (l *lateness) many() bool { return l.late.Load() >= manyLate }

// watch counts a delivery that was started then, from when it is late until nobody
// waits for it any more. Nobody who does not wait learns of its end: it is not counted.
func (l *lateness) watch(started time.Time) (leave func()) {
	timer := time.AfterFunc(time.Until(started.Add(lateAfter)), func() { l.late.Add(1) })
	return func() {
		if !timer.Stop() {
			l.late.Add(-1)
		}
	}
}
