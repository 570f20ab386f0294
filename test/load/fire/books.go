package fire

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Books are what the clients know.
type Books struct {
	// Took is how long the load lasted.
	Took time.Duration
	// Answers counts attempts by status; "none" had no answer.
	Answers map[string]int
	// Gap is the longest time in which nobody was answered 201.
	Gap time.Duration

	run       string
	began     time.Time
	mu        sync.Mutex
	last      time.Time
	accepted  []string // UIDs
	latencies []time.Duration
}

func (b *Books) note(r record, status int, took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if status == 0 {
		b.Answers["none"]++
		return
	}
	b.Answers[strconv.Itoa(status)]++
	if status != 201 {
		return
	}
	if b.last.IsZero() {
		b.last = b.began
	}
	now := time.Now()
	b.Gap, b.last = max(b.Gap, now.Sub(b.last)), now
	b.accepted = append(b.accepted, r.uid)
	b.latencies = append(b.latencies, took)
}

// Accepted is how many records were answered 201.
func (b *Books) Accepted() int { return len(b.accepted) }

// Requests is how many attempts there were.
func (b *Books) Requests() (n int) {
	for _, count := range b.Answers {
		n += count
	}
	return n
}

// Latency is the percentile of the attempts that were answered 201 (nearest
// rank); 0 without any.
func (b *Books) Latency(p float64) time.Duration {
	if len(b.latencies) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(b.latencies))
	return sorted[max(1, int(math.Ceil(p/100*float64(len(sorted)))))-1]
}

// Outcome is what became of the records.
type Outcome struct {
	// Rows are those of this load. There may be more than accepted: what was not
	// answered may have arrived.
	Rows int
	// Lost were answered 201 and have no row; Duplicates have more than one.
	Lost, Duplicates int
	// Drained is how long after the load the last row came.
	Drained time.Duration
}

// querier is a pool or a connection.
type querier interface {
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
}

// Settle waits until every record that was accepted has its row, or until there
// has been no further row for the patience given, and compares.
func (b *Books) Settle(ctx context.Context, db querier, patience time.Duration) (o Outcome, err error) {
	ended := time.Now()
	for changed := ended; ; {
		rows, err := b.rows(ctx, db)
		if err != nil {
			return o, err
		}
		total := 0
		for _, n := range rows {
			total += n
		}
		if total > o.Rows {
			changed = time.Now()
		}
		o = b.compare(rows)
		o.Drained = changed.Sub(ended)
		if o.Lost == 0 || time.Since(changed) > patience {
			return o, nil
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return o, ctx.Err()
		}
	}
}

// rows are how many there are, by UID.
func (b *Books) rows(ctx context.Context, db querier) (map[string]int, error) {
	answer, err := db.Query(ctx, `
		SELECT execution_uid, count(*) FROM kubernetes_execution_audit
		WHERE workflow_ref = $1 GROUP BY execution_uid`, b.run)
	if err != nil {
		return nil, fmt.Errorf("count the rows of %s: %w", b.run, err)
	}
	rows := map[string]int{}
	var uid string
	var n int
	_, err = pgx.ForEachRow(answer, []any{&uid, &n}, func() error {
		rows[uid] = n
		return nil
	})
	return rows, err
}

func (b *Books) compare(rows map[string]int) (o Outcome) {
	for _, n := range rows {
		o.Rows += n
		if n > 1 {
			o.Duplicates++
		}
	}
	for _, uid := range b.accepted {
		if rows[uid] == 0 {
			o.Lost++
		}
	}
	return o
}
