package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// ActionDurations tells how long the executions of one action took. Only
// executions with a duration count in all but Total.
type ActionDurations struct {
	Action string `json:"action_type"`
	Total  int64  `json:"total_executions"`
	// In nanoseconds. Percentiles are those of PostgreSQL's percentile_cont:
	// exact, with linear interpolation between neighbours. All are 0 when no
	// execution has a duration; then Distribution is empty.
	Avg time.Duration `json:"avg_duration"`
	P50 time.Duration `json:"p50_duration"`
	P95 time.Duration `json:"p95_duration"`
	P99 time.Duration `json:"p99_duration"`
	Max time.Duration `json:"max_duration"`
	// Distribution counts the durations between Min and Max in ten steps of
	// equal ratio, fit to be drawn; in one when all are equal.
	Distribution []Bucket `json:"distribution"`
}

// Bucket counts what lies at or below UpTo and above the bucket before.
type Bucket struct {
	UpTo  time.Duration `json:"up_to"`
	Count int64         `json:"count"`
}

// Durations tells how long executions took, by action, the slowest on average
// first; only successful ones unless all is set. The range is one of created_at.
//
// Kubernetes tells times in whole seconds, so nearly all executions of an
// action share a few hundred durations. PostgreSQL counts them, which takes no
// sorting, and everything else follows from the counts.
func (s *Store) Durations(ctx context.Context, r Range, all bool) ([]ActionDurations, error) {
	const op, statement = "report durations", `
		SELECT action_type, duration, count(*)
		FROM ` + auditTable + `
		WHERE %s
		GROUP BY action_type, duration`
	where, err := createdIn(op, r)
	if err != nil {
		return nil, err
	}
	if !all {
		where.success(true)
	}
	tallies := map[string]*tally{}
	err = s.read(ctx, fmt.Sprintf(statement, where.where()), where.arguments, func(rows pgx.Rows) error {
		return tallyRow(tallies, rows)
	})
	if err != nil {
		return nil, convert(op, err)
	}
	return summaries(tallies), nil
}

func tallyRow(tallies map[string]*tally, rows pgx.Rows) error {
	var action string
	var duration pgtype.Interval // NULL is not valid, and counts in Total alone
	var n int64
	if err := rows.Scan(&action, &duration, &n); err != nil {
		return err
	}
	t := tallies[action]
	if t == nil {
		t = &tally{}
		tallies[action] = t
	}
	if !duration.Valid {
		t.unknown += n
		return nil
	}
	days := int64(duration.Months)*30 + int64(duration.Days) // as PostgreSQL compares them
	t.add(days*(24*time.Hour).Microseconds()+duration.Microseconds, n)
	return nil
}

func summaries(tallies map[string]*tally) []ActionDurations {
	summaries := make([]ActionDurations, 0, len(tallies))
	for action, t := range tallies {
		t.sort()
		summaries = append(summaries, ActionDurations{
			Action: action, Total: t.known + t.unknown,
			Avg: t.average(), P50: t.percentile(0.5), P95: t.percentile(0.95), P99: t.percentile(0.99), Max: t.largest(),
			Distribution: t.distribution(),
		})
	}
	slices.SortFunc(summaries, func(a, b ActionDurations) int {
		return cmp.Or(cmp.Compare(b.Avg, a.Avg), cmp.Compare(a.Action, b.Action))
	})
	return summaries
}
