//go:build kills

package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/workflows"
)

// What an operator does in the Temporal UI: triggers each schedule and reads what
// became of it.
func TestEveryScheduleRunsWhenItIsTriggeredAndTellsWhatItDid(t *testing.T) {
	k := newKilling(t)
	tr, rules := k.trail(t, "triggered", audit.RetainPartitions)
	if err := tr.worker.Launch(); err != nil {
		t.Fatal(err)
	}
	for _, schedule := range workflows.Tasks() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		report, err := tr.trigger(ctx, schedule)
		cancel()
		if err != nil || report.Summary == "" {
			t.Errorf("%s: %+v, %v", schedule, report, err)
		}
		if schedule != workflows.ScheduleCreatePartitions && len(report.Periods) == 0 {
			t.Errorf("%s had something to do and tells of nothing: %s", schedule, report.Summary)
		}
		for _, o := range report.Periods {
			t.Logf("%s: %s %s%s%s", schedule, o.Period, o.Done, o.Kept, o.Failed)
		}
	}
	if err := tr.settled(t.Context(), rules); err != nil {
		t.Error(err)
	}
}
