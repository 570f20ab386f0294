package postgres

import (
	"context"
	"time"
)

// Summarise is what Durations makes of the durations of one action.
func Summarise(durations []time.Duration) ActionDurations {
	t := &tally{}
	for _, d := range durations {
		t.add(d.Microseconds(), 1)
	}
	return summaries(map[string]*tally{"action": t})[0]
}

// FirstPage reads one page of at most size rows, as Find does, and tells
// whether another follows.
func FirstPage(ctx context.Context, s *Store, q Query, size int) (page []Row, more bool, err error) {
	return s.page(ctx, q.listing(&selection{}), size)
}
