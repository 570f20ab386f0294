package postgres_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// incident is a small world by hand: a workflow of three steps, of which the
// last failed, and what happened around it.
func incident(now time.Time) []audit.Record {
	const workflow = "alert-12345-workflow"
	used := func(cpu, memory int64) *audit.ResourceUsage {
		return &audit.ResourceUsage{CPUMillicores: cpu, MemoryBytes: memory}
	}
	// An execution that succeeded takes effect at once and ends after seconds.
	execution := func(uid, action, namespace string, age time.Duration, seconds int, change func(*audit.Record)) audit.Record {
		r := minimal(uid, now.Add(-age))
		r.ActionType, r.TargetNamespace, r.TargetResourceName, r.Success = action, namespace, "cart", true
		duration := time.Duration(seconds) * time.Second
		r.Duration, r.CompletedAt = &duration, r.CreatedAt.Add(duration)
		change(&r)
		return digested(r)
	}
	failed := func(r *audit.Record, text string) { r.Success, r.Phase, r.Error = false, "Failed", text }
	const day = 24 * time.Hour
	return []audit.Record{
		execution("zero", "scale", "prod-shop", time.Hour, 10, func(r *audit.Record) {
			r.WorkflowRef, r.StepIndex, r.JobResourceUsage = workflow, 0, used(100, 1000)
		}),
		execution("two", "restart", "prod-shop", 50*time.Minute, 40, func(r *audit.Record) {
			r.WorkflowRef, r.StepIndex, r.RetryCount = workflow, 2, 2
			failed(r, "timed out")
		}),
		execution("one", "scale", "prod-web", 55*time.Minute, 20, func(r *audit.Record) {
			r.WorkflowRef, r.StepIndex, r.RetryCount, r.JobResourceUsage = workflow, 1, 1, used(200, 3000)
		}),
		execution("long", "scale", "dev", 2*time.Hour, 60, func(r *audit.Record) { r.JobResourceUsage = used(100, 1000) }),
		execution("longer", "restart", "prod", 3*time.Hour, 90, func(r *audit.Record) {
			r.RetryCount, r.JobResourceUsage = 1, used(50, 500)
		}),
		execution("again", "restart", "prod-shop", 2*day, 30, func(r *audit.Record) {
			r.RetryCount = 3
			failed(r, "again")
		}),
		execution("never-ran", "drain", "", 30*time.Hour, 0, func(r *audit.Record) {
			r.Duration, r.CompletedAt = nil, now.Add(-23*time.Hour)
			failed(r, "no Job")
		}),
		execution("approved-late", "restart", "prod-web", 8*day, 5, func(r *audit.Record) {
			r.RetryCount, r.CompletedAt, r.JobResourceUsage = 1, now.Add(-time.Hour), used(999, 999)
			failed(r, "too late")
		}),
		execution("old", "restart", "prod-shop", 20*day, 31, func(r *audit.Record) { r.RetryCount = 3 }),
		execution("ancient", "scale", "prod-shop", 40*day, 500, func(r *audit.Record) { failed(r, "long ago") }),
	}
}

// answer writes rows as the columns of the printed query say them.
func answer(rows iter.Seq2[postgres.Row, error], line func(postgres.Row) string) ([]string, error) {
	var lines []string
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		lines = append(lines, strings.TrimPrefix(row.ExecutionID, "execution-")+" "+line(row))
	}
	return lines, nil
}

func each[T any](all []T, err error, line func(T) string) ([]string, error) {
	var lines []string
	for _, one := range all {
		lines = append(lines, line(one))
	}
	return lines, err
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()) }

// TestTheSeedsQueriesAndTheReportsGiveTheRightAnswers holds the answers as
// worked out by hand from incident.
func TestTheSeedsQueriesAndTheReportsGiveTheRightAnswers(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	now := time.Now().UTC()
	_, err := store.Append(t.Context(), incident(now))
	must(t, err)
	last := func(d time.Duration) postgres.Range { return postgres.Range{From: now.Add(-d), To: now} }
	const day = 24 * time.Hour

	cases := map[string]struct {
		columns string // of the printed query, in one text
		report  func(context.Context) ([]string, error)
		want    []string
	}{
		"Find all executions for a specific workflow": {
			`action_type || ' ' || success || ' ' || retry_count`,
			func(ctx context.Context) ([]string, error) {
				return answer(store.Workflow(ctx, "alert-12345-workflow"), func(r postgres.Row) string {
					return fmt.Sprint(r.ActionType, " ", r.Success, " ", r.RetryCount)
				})
			},
			[]string{"zero scale true 0", "one scale true 1", "two restart false 2"},
		},
		"Find failed executions with errors": {
			`action_type || ' ' || coalesce(target_namespace, '-') || ' ' || error`,
			func(ctx context.Context) ([]string, error) {
				return answer(store.Failures(ctx, last(day), 0), func(r postgres.Row) string {
					namespace := r.TargetNamespace
					if namespace == "" {
						namespace = "-"
					}
					return r.ActionType + " " + namespace + " " + r.Error
				})
			},
			[]string{"two restart prod-shop timed out", "approved-late restart prod-web too late", "never-ran drain - no Job"},
		},
		"Average execution duration by action type": {
			`total_executions || ' ' || to_char(extract(epoch FROM avg_duration), 'FM990.0') || ' ' ||
				to_char(extract(epoch FROM p50_duration), 'FM990.0') || ' ' ||
				to_char(extract(epoch FROM p95_duration), 'FM990.0') || ' ' || to_char(extract(epoch FROM p99_duration), 'FM990.0')`,
			func(ctx context.Context) ([]string, error) {
				all, err := store.Durations(ctx, last(7*day), false)
				return each(all, err, func(d postgres.ActionDurations) string {
					return fmt.Sprint(d.Action, " ", d.Total, " ", seconds(d.Avg), " ", seconds(d.P50), " ", seconds(d.P95), " ", seconds(d.P99))
				})
			},
			[]string{"restart 1 90.0 90.0 90.0 90.0", "scale 3 30.0 20.0 56.0 59.2"},
		},
		"Find slow executions": {
			`action_type || ' ' || to_char(extract(epoch FROM duration), 'FM990.0')`,
			func(ctx context.Context) ([]string, error) {
				return answer(store.Slow(ctx, last(day), 30*time.Second, 100), func(r postgres.Row) string {
					return r.ActionType + " " + seconds(*r.Duration)
				})
			},
			[]string{"longer restart 90.0", "long scale 60.0", "two restart 40.0"},
		},
		"Track all actions on production namespace": {
			`target_resource_name || ' ' || success`,
			func(ctx context.Context) ([]string, error) {
				q := postgres.Query{Filter: postgres.Filter{Namespace: "prod-*", From: now.Add(-30 * day)}}
				return answer(store.Find(ctx, q), func(r postgres.Row) string {
					return fmt.Sprint(r.TargetResourceName, " ", r.Success)
				})
			},
			[]string{
				"two cart false", "one cart true", "zero cart true",
				"again cart false", "approved-late cart false", "old cart true",
			},
		},
		"Find retry patterns (actions requiring multiple attempts)": {
			`target_namespace || ' ' || total_with_retries || ' ' || to_char(avg_retries, 'FM990.0')`,
			func(ctx context.Context) ([]string, error) {
				all, err := store.Retries(ctx, last(7*day))
				return each(all, err, func(p postgres.RetryPattern) string {
					return fmt.Sprintf("%s %s %d %.1f", p.Action, p.Namespace, p.Total, p.AvgRetries)
				})
			},
			[]string{"restart prod-shop 2 2.5", "restart prod 1 1.0", "scale prod-web 1 1.0"},
		},
		"Resource usage analysis": {
			`to_char(avg_cpu_millicores, 'FM990.0') || ' ' || to_char(avg_memory_bytes, 'FM9990.0') || ' ' || total_executions`,
			func(ctx context.Context) ([]string, error) {
				all, err := store.Resources(ctx, last(7*day))
				return each(all, err, func(a postgres.ActionResources) string {
					return fmt.Sprintf("%s %.1f %.1f %d", a.Action, a.AvgCPU, a.AvgMemory, a.Total)
				})
			},
			[]string{"scale 133.3 1666.7 3", "restart 50.0 500.0 1"},
		},
	}
	queries := printedQueries(t)
	equal(t, "queries", len(queries), len(cases))
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			want := strings.Join(c.want, "\n")
			// Of equal rows the seed leaves the order open; ours goes by name.
			order := map[bool]string{true: " ORDER BY total_with_retries DESC, action_type, target_namespace"}[strings.Contains(name, "retry")]
			first := "action_type"
			if strings.Contains(queries[name], "execution_id") {
				first = "replace(execution_id, 'execution-', '')"
			}
			printed := column[string](t, conn, "SELECT "+first+" || ' ' || "+c.columns+" FROM ("+queries[name]+") AS printed"+order)
			equal(t, "as printed", strings.Join(printed, "\n"), want)
			report, err := c.report(t.Context())
			must(t, err)
			equal(t, "as the report says it", strings.Join(report, "\n"), want)
		})
	}
}

// printedQueries returns the queries of the seed by their titles.
func printedQueries(t *testing.T) map[string]string {
	t.Helper()
	printed, err := os.ReadFile("testdata/seed_queries.sql")
	must(t, err)
	queries := map[string]string{}
	for _, q := range regexp.MustCompile(`(?s)-- ([^\n]+)\n(SELECT.*?);`).FindAllStringSubmatch(string(printed), -1) {
		queries[q[1]] = q[2]
	}
	return queries
}
