package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// Recent tells what was persisted within the last day, by the clock of the
// database.
type Recent struct {
	// CreatedSince is how far back executions were looked at: one that was created
	// before it and persisted within the last day is not counted.
	CreatedSince time.Time
	LastHour     int64 // rows
	LastDay      int64 // rows, those of the last hour among them
	Sources      []SourceRecent
	// LagP50 and LagP99 are of completed_at to persisted_at of the rows of the last
	// hour that know when they completed; nil when there are none. Less than zero
	// where the clocks of cluster and database differ.
	LagP50, LagP99 *time.Duration
}

// SourceRecent counts the rows of one source, which are listed by their names.
type SourceRecent struct {
	Source            string
	LastHour, LastDay int64
}

// affordable is how many rows Recent reads: no more than a second's work.
const affordable = 500_000

// lookBacks are how far back Recent looks: as far as is affordable. Days longer
// than the one that is asked for, since executions wait for approval, and after
// an outage come late.
//
//nolint:gochecknoglobals // a constant
var lookBacks = []time.Duration{31 * 24 * time.Hour, 7 * 24 * time.Hour, 48 * time.Hour}

// Recent counts what was persisted within the last hour and day. There is no index
// on persisted_at, which would cost every insert something for the sake of this:
// the rows are found by their created_at, which seldom lies much earlier.
func (s *Store) Recent(ctx context.Context) (r Recent, err error) {
	const op = "count what was persisted"
	now, err := s.Clock(ctx)
	if err != nil {
		return r, err
	}
	for _, back := range lookBacks {
		r.CreatedSince = now.Add(-back)
		rows, err := s.estimate(ctx, r.CreatedSince)
		if err != nil {
			return r, convert(op, err)
		}
		if rows <= affordable {
			break
		}
	}
	const statement = `
		SELECT source, count(*) FILTER (WHERE persisted_at >= $3), count(*),
			percentile_disc(ARRAY[0.5, 0.99]) WITHIN GROUP (
				ORDER BY (extract(epoch FROM persisted_at - completed_at) * 1000000)::bigint)
				FILTER (WHERE persisted_at >= $3 AND completed_at IS NOT NULL)
		FROM ` + auditTable + `
		WHERE created_at >= $1 AND persisted_at >= $2
		GROUP BY GROUPING SETS ((source), ())
		ORDER BY source NULLS LAST`
	arguments := []any{r.CreatedSince, now.Add(-24 * time.Hour), now.Add(-time.Hour)}
	err = s.read(ctx, statement, arguments, r.scan)
	return r, convert(op, err)
}

// scan reads a source, or, as the last row, all of them.
func (r *Recent) scan(rows pgx.Rows) error {
	var source *string
	var hour, day int64
	var lags []int64
	if err := rows.Scan(&source, &hour, &day, &lags); err != nil {
		return err
	}
	if source != nil {
		r.Sources = append(r.Sources, SourceRecent{*source, hour, day})
		return nil
	}
	r.LastHour, r.LastDay = hour, day
	if len(lags) == 2 {
		p50, p99 := inMicros(lags[0]), inMicros(lags[1])
		r.LagP50, r.LagP99 = &p50, &p99
	}
	return nil
}

// estimate is the planner's, of how many rows were created since: it costs no
// more than planning.
func (s *Store) estimate(ctx context.Context, since time.Time) (int64, error) {
	const explain = `EXPLAIN (FORMAT JSON) SELECT FROM ` + auditTable + ` WHERE created_at >= $1`
	var plans []struct {
		Plan struct {
			Rows float64 `json:"Plan Rows"`
		}
	}
	err := s.read(ctx, explain, []any{since}, func(rows pgx.Rows) error {
		var text []byte
		if err := rows.Scan(&text); err != nil {
			return err
		}
		return json.Unmarshal(text, &plans)
	})
	if err == nil && len(plans) != 1 {
		err = errors.New("no plan")
	}
	if err != nil {
		return 0, err
	}
	return int64(plans[0].Plan.Rows), nil
}

// Clock is what time it is for the database.
func (s *Store) Clock(ctx context.Context) (now time.Time, err error) {
	err = s.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
	return now.UTC(), convert("ask the database for the time", err)
}
