package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// VolumeStep counts the executions created from Start on, for a step of time.
type VolumeStep struct {
	Start     time.Time `json:"start"`
	Succeeded int64     `json:"succeeded"`
	Failed    int64     `json:"failed"`
	Retried   int64     `json:"retried"` // of both, those tried more than once
}

// Volume counts executions by when they were created, in steps that begin with the
// range, which must be bounded on both sides. Steps without any are left out.
func (s *Store) Volume(ctx context.Context, r Range, step time.Duration) ([]VolumeStep, error) {
	const op, statement = "report volume", `
		SELECT date_bin(%[2]s::interval, created_at, %[3]s) AS start, count(*) FILTER (WHERE success),
			count(*) FILTER (WHERE NOT success), count(*) FILTER (WHERE retry_count > 0)
		FROM ` + auditTable + `
		WHERE %[1]s
		GROUP BY start
		ORDER BY start`
	switch {
	case r.From.IsZero() || r.To.IsZero():
		return nil, fmt.Errorf("%s: %w", op, &ArgumentError{"range", "must be bounded on both sides"})
	case step < time.Second:
		return nil, fmt.Errorf("%s: %w", op, &ArgumentError{"step", "must be a second or more"})
	}
	where, err := createdIn(op, r)
	if err != nil {
		return nil, err
	}
	every, from := where.argument(step), where.argument(ceilTime(r.From))
	var steps []VolumeStep
	err = s.read(ctx, fmt.Sprintf(statement, where.where(), every, from), where.arguments, func(rows pgx.Rows) error {
		var one VolumeStep
		err := rows.Scan(&one.Start, &one.Succeeded, &one.Failed, &one.Retried)
		one.Start = one.Start.UTC()
		steps = append(steps, one)
		return err
	})
	return steps, convert(op, err)
}
