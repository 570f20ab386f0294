package main

import (
	"testing"

	"github.com/auditflow/auditflow/audit"
)

// These use both processors as they are, so they are not parallel.

// Ten years are for the command; these are enough to see every kind of event.
func TestAYearPassesWithoutLossThoughMuchGoesWrong(t *testing.T) {
	lives(t, simulationConfig{Years: 1, Seed: 11, Mode: audit.RetainPartitions, Daily: 1, Mondays: true}, func(f simulationFigures) bool {
		return f.PartitionsDropped >= 10 && f.PeriodsDeleted >= 5 && f.PartitionsByInserts > 0
	})
}

func TestAYearPassesWithoutLossWhenRowsAreDeletedOneByOne(t *testing.T) {
	lives(t, simulationConfig{Years: 1, Seed: 12, Mode: audit.RetainRows, Daily: 1, Mondays: true}, func(f simulationFigures) bool {
		return f.RowsDeleted >= 50
	})
}

// lives lives through it and checks that enough has happened for it to prove
// anything.
func lives(t *testing.T, c simulationConfig, enough func(simulationFigures) bool) {
	t.Helper()
	f, err := simulate(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.bad(); err != nil {
		t.Error(err)
	}
	if f.OutageDays == 0 || f.Faults == 0 || f.RunsFailed == 0 || f.Sabotages == 0 || f.Holds == 0 || f.Restores == 0 || !enough(f) {
		t.Errorf("too little has happened: %+v", f)
	}
	t.Logf("%+v", f)
}
