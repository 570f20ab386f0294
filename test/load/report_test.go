package main

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// keysOf returns the paths of all values in a JSON file, with * for keys that
// are among names.
func keysOf(t *testing.T, path string, names ...string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	var value map[string]interface{}
	must(t, json.Unmarshal(text, &value))
	paths := map[string]bool{}
	var walk func(string, interface{})
	walk = func(path string, value interface{}) {
		object, ok := value.(map[string]interface{})
		if !ok {
			paths[strings.TrimPrefix(path, ".")] = true
			return
		}
		for key, v := range object {
			if slices.Contains(names, key) {
				key = "*"
			}
			walk(path+"."+key, v)
		}
	}
	walk("", value)
	return strings.Join(slices.Sorted(maps.Keys(paths)), " ")
}

// The whole of the query benchmark, on few rows and with few runs.
func TestTheQueryBenchmarkWritesExactlyTheFiguresThatArePromised(t *testing.T) {
	t.Parallel()
	url := database(t)
	dir := t.TempDir()
	b := queryBench{
		scope:  scope{rows: 6000, days: 40, seed: 1},
		limits: budget{warmUps: 1, least: 2, leastAggregates: 2, most: 2, patience: time.Minute},
		out:    filepath.Join(dir, "queries.json"), findOut: filepath.Join(dir, "find.json"),
		screen: io.Discard, progress: newProgress(io.Discard),
	}
	d, err := b.dataset()
	must(t, err)
	d, err = b.prepare(t.Context(), url, d)
	must(t, err)
	_, err = b.queries(t.Context(), url, d, regexp.MustCompile(""))
	must(t, err)
	again, err := b.prepare(t.Context(), url, d) // with the rows that are there
	must(t, err)
	equal(t, "the data set that is found again ends", again.until, d.until)

	names := []string{
		"get", "find_by_workflow", "find_by_execution", "find_by_action", "find_by_namespace", "find_by_namespace_wildcard",
		"find_by_name", "find_by_kind", "find_failed", "find_by_phase", "find_min_duration", "find_min_retries", "find_time_range",
		"find_combined", "find_next_page", "report_workflow", "report_failures", "report_slow", "report_trail",
		"report_durations", "report_retries", "report_resources", "seed_workflow", "seed_failures", "seed_durations",
		"seed_slow", "seed_trail", "seed_retries", "seed_resources",
	}
	equal(t, "keys", keysOf(t, b.out, names...), "queries.*.aggregate queries.*.p50_ms queries.*.p95_ms queries.*.unpartitioned_p95_ms rows")
	var figures queryFigures
	text, err := os.ReadFile(b.out)
	must(t, err)
	must(t, json.Unmarshal(text, &figures))
	equal(t, "rows", figures.Rows, 6000)
	equal(t, "names", strings.Join(slices.Sorted(maps.Keys(figures.Queries)), " "), strings.Join(slices.Sorted(slices.Values(names)), " "))
	for name, q := range figures.Queries {
		equal(t, name+" is an aggregate", q.Aggregate, strings.HasSuffix(name, "durations") && name != "find_min_duration" ||
			strings.HasSuffix(name, "_retries") && name != "find_min_retries" || strings.HasSuffix(name, "_resources"))
		if q.P50 <= 0 || q.P95 < q.P50 || q.FlatP95 <= 0 {
			t.Errorf("%s: %+v", name, q)
		}
	}
	_, err = b.stream(t.Context(), url, d)
	must(t, err)
	equal(t, "keys", keysOf(t, b.findOut), "first_row_ms max_rss_mib rows rows_per_s")
}

func TestTheTableWithoutPartitionsHasTheSameRowsAndIndexes(t *testing.T) {
	t.Parallel()
	url := filled(t, records(t, 3000, 40, 1), 2)
	db := connect(t, url)
	must(t, flatten(t.Context(), db, newProgress(io.Discard)))
	other, err := flatURL(url)
	must(t, err)
	flat := connect(t, other)
	equal(t, "rows", one[string](t, flat, contents), one[string](t, db, contents))
	equal(t, "kind of the table", one[string](t, flat, `SELECT relkind::text FROM pg_class WHERE oid = 'kubernetes_execution_audit'::regclass`), "r")
	const definitions = `
		SELECT string_agg(regexp_replace(pg_get_indexdef(indexrelid), '^.* (USING .*)$', '\1'), E'\n'
			ORDER BY regexp_replace(pg_get_indexdef(indexrelid), '^.* (USING .*)$', '\1'))
		FROM pg_index WHERE indrelid = 'kubernetes_execution_audit'::regclass`
	equal(t, "indexes", one[string](t, flat, definitions), one[string](t, db, definitions))
}

func TestABoundIsMissedByThePercentileAndOnlyWhereThereIsOne(t *testing.T) {
	t.Parallel()
	took := func(d time.Duration) timing { return timing{again: []time.Duration{d}} }
	all := []measured{
		{question: question{name: "list in time"}, partitioned: took(99 * time.Millisecond)},
		{question: question{name: "list too late"}, partitioned: took(100 * time.Millisecond)},
		{question: question{name: "aggregate in time", aggregate: true}, partitioned: took(499 * time.Millisecond)},
		{question: question{name: "aggregate too late", aggregate: true}, partitioned: took(500 * time.Millisecond)},
		{question: question{name: "seed", seed: true}, partitioned: took(time.Minute)},
		{question: question{name: "slow without partitions"}, flat: took(time.Minute)},
	}
	equal(t, "missed", strings.Join(missed(all), ", "), "list too late, aggregate too late")
}

func TestAuditctlIsHeldToItsBounds(t *testing.T) {
	t.Parallel()
	equal(t, "in time", len(findFigures{FirstRow: 199, MaxRSS: 63.9}.faults()), 0)
	equal(t, "late and large", len(findFigures{FirstRow: 200, MaxRSS: 64}.faults()), 2)
}
