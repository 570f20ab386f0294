package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// budget is how often and how long a query is measured.
type budget struct {
	warmUps         int
	least           int           // runs of look-ups and lists
	leastAggregates int           // and of aggregates
	most            int           // runs of anything
	steady          time.Duration // past the least number, a cheap query is run for this long
	patience        time.Duration // then a query is measured no further, however few runs it had
}

//nolint:gochecknoglobals // a constant
var fullBudget = budget{
	warmUps: 3, least: 30, leastAggregates: 10, most: 100, steady: time.Second, patience: 20 * time.Second,
}

// runs says whether to go on after so many runs and so much time.
func (b budget) runs(q question, done int, took time.Duration) bool {
	least := b.least
	if q.aggregate {
		least = b.leastAggregates
	}
	switch {
	case done == 0:
		return true
	case done >= b.most || took > b.patience:
		return false
	}
	return done < least || took < b.steady
}

// timing is how long the runs of one query took on one table.
type timing struct {
	first []time.Duration // each run's values asked for the first time
	again []time.Duration // the same once more, at once: this is what counts
}

// measured is one query on both tables.
type measured struct {
	question
	partitioned, flat timing
	rows              int // that it returned at most
}

// measure runs a question on both tables in turn, with other values each time,
// the same on both. The table that comes first changes with every run. Each run
// asks twice: the first may have to read from disk, the second finds what it
// needs in memory.
func measure(ctx context.Context, q question, limits budget, partitioned, flat *table, values *samples) (m measured, err error) {
	m.question = q
	began := time.Now()
	for run := -limits.warmUps; run < 0 || limits.runs(q, run, time.Since(began)); run++ {
		if run == 0 {
			m.partitioned, m.flat = timing{}, timing{}
			began = time.Now()
		}
		v := values.draw(run + limits.warmUps)
		first, second := side{partitioned, &m.partitioned}, side{flat, &m.flat}
		if run%2 != 0 {
			first, second = second, first
		}
		rows, err := first.ask(ctx, q, v)
		if err != nil {
			return m, fmt.Errorf("%s: %w", q.name, err)
		}
		others, err := second.ask(ctx, q, v)
		if err != nil {
			return m, fmt.Errorf("%s: %w", q.name, err)
		}
		if rows != others && !q.seed { // which ask about NOW()
			return m, fmt.Errorf("%s: the two tables disagree: %d rows and %d", q.name, rows, others)
		}
		m.rows = max(m.rows, rows)
	}
	return m, nil
}

// side is one of the two tables in a measurement.
type side struct {
	table  *table
	timing *timing
}

func (s side) ask(ctx context.Context, q question, v sample) (rows int, err error) {
	for _, times := range []*[]time.Duration{&s.timing.first, &s.timing.again} {
		began := time.Now()
		if rows, err = q.ask(ctx, s.table, v); err != nil {
			return 0, err
		}
		*times = append(*times, time.Since(began))
	}
	return rows, nil
}

// percentile is the smallest of the values that at least p of 100 do not exceed
// (nearest rank); 0 of no values.
func percentile(values []time.Duration, p float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[max(1, rank)-1]
}

// milliseconds has three digits after the point.
func milliseconds(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }
