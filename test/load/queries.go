package main

import (
	"context"
	"iter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/auditflow/auditflow/store/postgres"
)

// table is one of the two tables, through the store and without it.
type table struct {
	store *postgres.Store
	db    *pgxpool.Pool
}

// question is one query of the benchmark.
type question struct {
	name      string
	aggregate bool
	seed      bool // it is SQL of the seed as printed, for which there is no bound
	ask       func(context.Context, *table, sample) (rows int, err error)
}

// bound is what 95 of 100 runs must stay below; none for the seed's SQL.
func (q question) bound() time.Duration {
	switch {
	case q.seed:
		return 0
	case q.aggregate:
		return 500 * time.Millisecond
	default:
		return 100 * time.Millisecond
	}
}

// page is how many rows a list asks for.
const page = 100

// questions are those that auditctl and the store answer.
func questions() []question {
	return append(append(lookups(), lists()...), reports()...)
}

func lookups() []question {
	return []question{
		{name: "get", ask: func(ctx context.Context, t *table, v sample) (int, error) {
			_, err := t.store.Get(ctx, v.ID)
			return 1, err
		}},
		find("find_by_workflow", func(v sample) postgres.Query {
			return postgres.Query{Filter: postgres.Filter{Workflow: v.WorkflowRef}}
		}),
		find("find_by_execution", func(v sample) postgres.Query {
			return postgres.Query{Filter: postgres.Filter{Execution: v.ExecutionID}}
		}),
	}
}

func lists() []question {
	filter := func(name string, of func(sample) postgres.Filter) question {
		return find(name, func(v sample) postgres.Query { return postgres.Query{Filter: of(v)} })
	}
	failed := false
	return []question{
		filter("find_by_action", func(v sample) postgres.Filter { return postgres.Filter{Action: v.ActionType} }),
		filter("find_by_namespace", func(v sample) postgres.Filter { return postgres.Filter{Namespace: v.TargetNamespace} }),
		filter("find_by_namespace_wildcard", func(v sample) postgres.Filter {
			return postgres.Filter{Namespace: v.namespacePattern()}
		}),
		filter("find_by_name", func(v sample) postgres.Filter { return postgres.Filter{Name: v.TargetResourceName} }),
		filter("find_by_kind", func(v sample) postgres.Filter { return postgres.Filter{Kind: v.TargetResourceKind} }),
		filter("find_failed", func(sample) postgres.Filter { return postgres.Filter{Success: &failed} }),
		filter("find_by_phase", func(v sample) postgres.Filter {
			return postgres.Filter{Phase: []string{"Completed", "Failed", "Cancelled"}[v.run%3]}
		}),
		filter("find_min_duration", func(v sample) postgres.Filter {
			return postgres.Filter{MinDuration: time.Duration(1+v.run%60) * time.Minute}
		}),
		filter("find_min_retries", func(v sample) postgres.Filter { return postgres.Filter{MinRetries: int32(1 + v.run%5)} }),
		filter("find_time_range", func(v sample) postgres.Filter {
			return postgres.Filter{From: v.CreatedAt.Add(-time.Hour), To: v.CreatedAt.Add(time.Hour)}
		}),
		filter("find_combined", func(v sample) postgres.Filter {
			return postgres.Filter{
				Namespace: v.TargetNamespace, Action: v.ActionType, Success: &failed, MinRetries: 1,
				From: v.lastDays(30), To: v.now,
			}
		}),
		find("find_next_page", func(v sample) postgres.Query {
			return postgres.Query{After: postgres.Cursor{CreatedAt: v.CreatedAt, ID: v.ID}}
		}),
	}
}

// find asks for the newest rows of a query.
func find(name string, of func(sample) postgres.Query) question {
	return question{name: name, ask: func(ctx context.Context, t *table, v sample) (int, error) {
		q := of(v)
		q.Limit = page
		return count(t.store.Find(ctx, q))
	}}
}

func reports() []question {
	last := func(v sample, days int) postgres.Range { return postgres.Range{From: v.lastDays(days), To: v.now} }
	return []question{
		{name: "report_workflow", ask: func(ctx context.Context, t *table, v sample) (int, error) {
			return count(t.store.Workflow(ctx, v.WorkflowRef))
		}},
		{name: "report_failures", ask: func(ctx context.Context, t *table, v sample) (int, error) {
			return count(t.store.Failures(ctx, last(v, 1), page))
		}},
		{name: "report_slow", ask: func(ctx context.Context, t *table, v sample) (int, error) {
			return count(t.store.Slow(ctx, last(v, 1), time.Duration(20+v.run%60)*time.Second, page))
		}},
		find("report_trail", func(v sample) postgres.Query {
			return postgres.Query{Filter: postgres.Filter{Namespace: "prod-*", From: v.lastDays(30), To: v.now}}
		}),
		{name: "report_durations", aggregate: true, ask: func(ctx context.Context, t *table, v sample) (int, error) {
			actions, err := t.store.Durations(ctx, last(v, 7), false)
			return len(actions), err
		}},
		{name: "report_retries", aggregate: true, ask: func(ctx context.Context, t *table, v sample) (int, error) {
			patterns, err := t.store.Retries(ctx, last(v, 7))
			return len(patterns), err
		}},
		{name: "report_resources", aggregate: true, ask: func(ctx context.Context, t *table, v sample) (int, error) {
			actions, err := t.store.Resources(ctx, last(v, 7))
			return len(actions), err
		}},
	}
}

func count(rows iter.Seq2[postgres.Row, error]) (n int, err error) {
	for _, err = range rows {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
