package postgres

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
)

// Range is a stretch of time: From inclusive, To exclusive; zero is open.
type Range struct{ From, To time.Time }

// RetryPattern tells how often an action had to be tried again in a namespace.
type RetryPattern struct {
	Action     string  `json:"action_type"`
	Namespace  string  `json:"target_namespace"` // "" when not known
	Total      int64   `json:"total_with_retries"`
	AvgRetries float64 `json:"avg_retries"`
}

// ActionResources tells what the executions of one action used, of those where
// it is known.
type ActionResources struct {
	Action    string  `json:"action_type"`
	AvgCPU    float64 `json:"avg_cpu_millicores"` // thousandths of a core
	AvgMemory float64 `json:"avg_memory_bytes"`
	Total     int64   `json:"total_executions"`
}

// The reports answer the questions of the seed (section 4). Those that list
// rows yield them as they are read, as [Store.Find] does; a limit of 0 is all.
// A question that makes no sense gets an [*ArgumentError].

// Workflow yields the executions of one workflow, by step_index, then created_at.
func (s *Store) Workflow(ctx context.Context, ref string) iter.Seq2[Row, error] {
	const op = "list the executions of a workflow"
	if ref == "" {
		return failed(op, &ArgumentError{"workflow_ref", "must not be empty"})
	}
	where := &selection{}
	if err := where.equals("workflow_ref", ref); err != nil {
		return failed(op, err)
	}
	return s.list(ctx, listing{
		op: op, where: where,
		order: []string{"step_index", "created_at", "id"},
		place: func(r Row) []any { return []any{r.StepIndex, r.CreatedAt, r.ID} },
	})
}

// Failures yields failed executions by completed_at, the latest first. The
// range is one of completed_at, not of created_at; a record that does not know
// when it completed lies in none.
func (s *Store) Failures(ctx context.Context, r Range, limit int) iter.Seq2[Row, error] {
	const op = "list failures"
	where := &selection{}
	where.success(false)
	where.known("completed_at")
	if err := where.between("completed_at", r); err != nil {
		return failed(op, err)
	}
	return s.list(ctx, listing{
		op: op, where: where, limit: limit,
		order: []string{"completed_at", "created_at", "id"}, down: true,
		place: func(r Row) []any { return []any{r.CompletedAt, r.CreatedAt, r.ID} },
	})
}

// Slow yields executions that took longer than over, the slowest first. The
// range is one of created_at.
func (s *Store) Slow(ctx context.Context, r Range, over time.Duration, limit int) iter.Seq2[Row, error] {
	const op = "list slow executions"
	where := &selection{}
	if err := where.between("created_at", r); err != nil {
		return failed(op, err)
	}
	if over < 0 {
		return failed(op, &ArgumentError{"duration", "must not be negative"})
	}
	where.add("duration > %s", over.Truncate(time.Microsecond))
	return s.list(ctx, listing{
		op: op, where: where, limit: limit,
		order: []string{"duration", "created_at", "id"}, down: true,
		place: func(r Row) []any { return []any{r.Duration, r.CreatedAt, r.ID} },
	})
}

// Retries tells which actions needed more than one attempt, by action and
// namespace, the most frequent first. The range is one of created_at.
func (s *Store) Retries(ctx context.Context, r Range) ([]RetryPattern, error) {
	const op, statement = "report retries", `
		SELECT action_type, coalesce(target_namespace, '') AS namespace, count(*) AS total,
			avg(retry_count)::float8
		FROM ` + auditTable + `
		WHERE retry_count > 0 AND %s
		GROUP BY action_type, namespace
		ORDER BY total DESC, action_type, namespace`
	return aggregate(ctx, s, op, statement, r, func(rows pgx.Rows) (p RetryPattern, err error) {
		err = rows.Scan(&p.Action, &p.Namespace, &p.Total, &p.AvgRetries)
		return p, err
	})
}

// Resources tells what actions used, those that use most CPU first. The range
// is one of created_at.
//
// Few executions use what no other one does, so equal documents are counted
// before they are read.
func (s *Store) Resources(ctx context.Context, r Range) ([]ActionResources, error) {
	const op, statement = "report resources", `
		SELECT action_type,
			coalesce(sum(cpu * n) / sum(n) FILTER (WHERE cpu IS NOT NULL), 0)::float8 AS avg_cpu,
			coalesce(sum(memory * n) / sum(n) FILTER (WHERE memory IS NOT NULL), 0)::float8 AS avg_memory,
			sum(n)::bigint AS total
		FROM (
			SELECT action_type, n,
				(job_resource_usage->>'cpu_millicores')::numeric AS cpu,
				(job_resource_usage->>'memory_bytes')::numeric AS memory
			FROM (
				SELECT action_type, job_resource_usage, count(*) AS n
				FROM ` + auditTable + `
				WHERE job_resource_usage IS NOT NULL AND %s
				GROUP BY action_type, job_resource_usage
			) AS counted
		) AS read
		GROUP BY action_type
		ORDER BY avg_cpu DESC, action_type`
	return aggregate(ctx, s, op, statement, r, func(rows pgx.Rows) (a ActionResources, err error) {
		err = rows.Scan(&a.Action, &a.AvgCPU, &a.AvgMemory, &a.Total)
		return a, err
	})
}

// createdIn is the condition that created_at lies in a range.
func createdIn(op string, r Range) (*selection, error) {
	where := &selection{}
	if err := where.between("created_at", r); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return where, nil
}

// aggregate runs a statement in which %s stands for a range of created_at.
func aggregate[T any](
	ctx context.Context, s *Store, op, statement string, r Range, scan func(pgx.Rows) (T, error),
) ([]T, error) {
	where, err := createdIn(op, r)
	if err != nil {
		return nil, err
	}
	var all []T
	err = s.read(ctx, fmt.Sprintf(statement, where.where()), where.arguments, func(rows pgx.Rows) error {
		one, err := scan(rows)
		all = append(all, one)
		return err
	})
	return all, convert(op, err)
}
