package main

import (
	"context"
	"testing"
	"time"
)

// The whole matrix takes hours, its selection minutes. This is what of it runs with
// all other tests. It is not parallel, because the stage has to be raised from the
// root of the module.
func TestNothingIsLostOrThereTwiceWhereACrashMattersMost(t *testing.T) {
	t.Chdir("../..")
	r := runner{seed: 1, quick: true, store: temporalSQLite, say: func(format string, args ...any) { t.Logf(format, args...) }}
	result := r.one(t.Context(), &fault{
		name: "short", expectation: "lost 0, duplicates 0, leaked 0, acknowledged and absent 0",
		load:   load{writers: 2, pause: 20 * time.Millisecond, clients: 1, batch: 20, rhythm: 500 * time.Millisecond, atLeast: 200},
		inject: crashWhereItMatters, settled: func(ctx context.Context, t *trial) error { return t.nothingStartedTwice(ctx) },
	})
	if err := r.lower(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
	if !result.Met {
		t.Errorf("%d lost, %d twice, %d leaked, %d absent; %v; %s", result.Lost, result.Duplicates, result.Leaked, result.Absent, result.Complaints, result.Error)
	}
	if result.Kills != 6 || result.Completions < 200 {
		t.Errorf("%d kills, %d completions", result.Kills, result.Completions)
	}
}

// crashWhereItMatters kills everybody in turn: who has committed and told nobody, who
// has started a delivery and marked nothing, and the database below both.
func crashWhereItMatters(ctx context.Context, t *trial) error {
	for range 2 {
		if err := crashPostgres(ctx, t); err != nil {
			return err
		}
	}
	if err := dieAt(ctx, t, t.product.Worker, "deliver.persisted", 1, 3); err != nil {
		return err
	}
	return dieAt(ctx, t, t.product.Controller, "deliver.started", 1, 3)
}
