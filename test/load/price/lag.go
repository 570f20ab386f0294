package price

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/auditflow/auditflow/test/load/turn"
)

// Lag is how long after its completion a record is there, at one rate. Times are
// milliseconds.
//
// A record completes when the starter hears of it, on a clock: what the API server
// takes to tell is not in it. It is Committed at the instant that PostgreSQL notes
// for the transaction (track_commit_timestamp), which is when it begins to write
// the commit to disk; and Answered when whoever handed it over knows that it is
// persisted, disk and all.
type Lag struct {
	Rate      float64 `json:"records_per_second"`
	What      string  `json:"what"`
	Records   int     `json:"records"`
	Workflows int     `json:"workflows"`
	Committed Tail    `json:"committed_ms"`
	Answered  Tail    `json:"answered_ms"`
}

// Tail is what most, nearly all and the slowest took.
type Tail struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`
	Max  float64 `json:"max"`
	// Curve has the percentiles from 1 to 100.
	Curve []float64 `json:"percentiles"`
}

func tailOf(values []float64) (t Tail) {
	if len(values) == 0 {
		return t
	}
	sorted := slices.Sorted(slices.Values(values))
	at := func(p float64) float64 { // nearest rank; 99.9 of 1000 is the 999th, whatever floats make of it
		return rounded(sorted[max(1, int(math.Ceil(p/100*float64(len(sorted))-1e-9)))-1])
	}
	for p := 1; p <= 100; p++ {
		t.Curve = append(t.Curve, at(float64(p)))
	}
	t.P50, t.P99, t.P999, t.Max = at(50), at(99), at(99.9), at(100)
	return t
}

// saturated is how much of what we can take at most is still taken in good order.
const saturated = 0.8

// measureLag lets records complete one by one, on a clock.
func measureLag(ctx context.Context, b *Bench, s *scene, f *Figures) error {
	c := contender{
		work: workBatched, size: 2048, batch: 100, client: roleStarter, workflow: typeDeliver, leavesRows: true, records: 20, rate: 10,
	}
	if _, err := b.turn(ctx, s, c); err != nil {
		return err
	}
	for _, load := range []struct {
		rate float64
		what string
	}{{10, "10 a second"}, {50, "50 a second"}, {math.Round(saturated * f.Ways[nameBatched].Rate.Median), "80 % of what a backlog is delivered with"}} {
		if load.rate == 0 { // nobody measured it this time
			continue
		}
		c.name, c.rate, c.records = load.what, load.rate, int(load.rate*b.plan.lag.Seconds())
		first := s.numbers
		t, err := b.turn(ctx, s, c)
		if err != nil {
			return fmt.Errorf("%s: %w", load.what, err)
		}
		committed, err := s.committed(ctx, first, c.records)
		if err != nil {
			return err
		}
		lag := Lag{Rate: load.rate, What: load.what, Records: c.records, Workflows: t.Workflows, Committed: tailOf(committed), Answered: tailOf(t.Answer.Waits)}
		f.Lag = append(f.Lag, lag)
		b.say("    %-42s committed after %.3g ms (p50), %.4g (p99)", load.what, lag.Committed.P50, lag.Committed.P99)
	}
	return nil
}

// committed are the milliseconds from completion to commit, of so many records.
func (s *scene) committed(ctx context.Context, first int64, records int) (lags []float64, err error) {
	rows, err := s.audit.Query(ctx, `SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - completed_at)::float8 * 1000
		FROM kubernetes_execution_audit WHERE created_at >= $1 AND created_at < $2`,
		turn.Created(s.base, first), turn.Created(s.base, first+int64(records)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var lag float64
		if err := rows.Scan(&lag); err != nil {
			return nil, err
		}
		lags = append(lags, lag)
	}
	return lags, rows.Err()
}
