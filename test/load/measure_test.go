package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/store/postgres"
)

func TestAQueryIsMeasuredOftenEnoughAndNotForEver(t *testing.T) {
	t.Parallel()
	limits := budget{least: 30, leastAggregates: 10, most: 100, steady: 2 * time.Second, patience: 20 * time.Second}
	for name, c := range map[string]struct {
		aggregate bool
		done      int
		took      time.Duration
		want      bool
	}{
		"the first run, whatever the warm-ups took":           {false, 0, time.Minute, true},
		"a list that has not had its thirty":                  {false, 29, 10 * time.Second, true},
		"a list that has had its thirty":                      {false, 30, 3 * time.Second, false},
		"a cheap list goes on for steadier figures":           {false, 30, time.Second, true},
		"but not for ever":                                    {false, 100, time.Second, false},
		"an aggregate that has had its ten":                   {true, 10, 3 * time.Second, false},
		"an aggregate that takes seconds ends with few":       {true, 3, 21 * time.Second, false},
		"a list that takes seconds ends before its thirty":    {false, 5, 21 * time.Second, false},
		"patience is for all runs together, not for each one": {false, 29, 19 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			equal(t, "goes on", limits.runs(question{aggregate: c.aggregate}, c.done, c.took), c.want)
		})
	}
}

func TestWarmUpsDoNotCountAndBothTablesAreAskedTheSame(t *testing.T) {
	t.Parallel()
	values := newSamples(records(t, 1000, 3, 1))
	asked := map[*table][]string{}
	q := question{name: "q", ask: func(_ context.Context, on *table, v sample) (int, error) {
		asked[on] = append(asked[on], v.ID)
		return len(asked[on]), nil
	}}
	partitioned, flat := &table{}, &table{db: connect(t, server.URL)}
	m, err := measure(t.Context(), q, budget{warmUps: 3, least: 7, most: 7, patience: time.Hour}, partitioned, flat, values)
	must(t, err)
	equal(t, "runs that count", len(m.partitioned.again), 7)
	equal(t, "runs that count without partitions", len(m.flat.first), 7)
	equal(t, "questions", len(asked[partitioned]), 2*(3+7))
	equal(t, "asked of the other table", strings.Join(asked[flat], " "), strings.Join(asked[partitioned], " "))
	different := map[string]bool{}
	for _, id := range asked[flat] {
		different[id] = true
	}
	equal(t, "different values", len(different), 10)
}

func TestTablesThatDisagreeAreAnError(t *testing.T) {
	t.Parallel()
	other := &table{}
	q := question{name: "q", ask: func(_ context.Context, on *table, _ sample) (int, error) {
		if on == other {
			return 1, nil
		}
		return 2, nil
	}}
	values := newSamples(records(t, 1000, 3, 1))
	_, err := measure(t.Context(), q, fullBudget, &table{store: &postgres.Store{}}, other, values)
	if err == nil || !strings.Contains(err.Error(), "disagree") {
		t.Errorf("got %v", err)
	}
}

func TestPercentilesAreNearestRank(t *testing.T) {
	t.Parallel()
	var values []time.Duration
	for i := range 100 {
		values = append(values, time.Duration(100-i))
	}
	equal(t, "p50", percentile(values, 50), 50)
	equal(t, "p95", percentile(values, 95), 95)
	equal(t, "p95 of thirty", percentile(values[:30], 95), 99)
	equal(t, "p95 of none", percentile(nil, 95), 0)
}
