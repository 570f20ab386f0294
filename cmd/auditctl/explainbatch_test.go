package main

import (
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/workflows"
)

// startTogether hands records over as one workflow.
func (j journey) startTogether(t *testing.T, records ...audit.Record) workflows.Delivery {
	t.Helper()
	batcher := workflows.NewBatcher(&j.starter, workflows.BatchConfig{Wait: time.Minute})
	var first workflows.Delivery
	until(t, "they are started together", func() bool { // search attributes take a moment to be known everywhere
		all := batcher.StartAll(t.Context(), records)
		first = all[0].Delivery
		return all[0].Err == nil && workflows.IsBatch(first.ID())
	})
	return first
}

func TestARecordThatWentInABatchIsExplained(t *testing.T) {
	t.Parallel()
	j := newJourney(t)
	j.sql(t, `ALTER TABLE kubernetes_execution_audit RENAME TO elsewhere`)
	r, other := secretive(uid), secretive("0d4e5f1a-8a53-4d3c-9a44-7f0f3a0c1b22")
	batch := j.startTogether(t, other, r)
	var x explanation
	until(t, "it is found by its row's id, and an attempt failed", func() bool {
		x = j.explained(t, exitFailed, r.ID)
		return x.Delivery != nil && len(x.Delivery.Pending) == 1 && x.Delivery.Pending[0].LastFailure != ""
	})
	if x.State != stateDelivering || x.ID != r.ID || x.Delivery.WorkflowID != batch.ID() || x.Delivery.Records != 2 {
		t.Errorf("%+v, delivery %+v", x, x.Delivery)
	}

	j.sql(t, `ALTER TABLE elsewhere RENAME TO kubernetes_execution_audit`)
	if _, err := batch.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	x = j.explained(t, exitOK, r.ID)
	if x.State != stateLive || x.ID != r.ID || x.Row.DeliveredBy != batch.ID() || x.Delivery == nil || x.Delivery.Status != "Completed" || x.Delivery.Masked != nil {
		t.Errorf("%+v, delivery %+v", x, x.Delivery)
	}
	contains(t, "the page", j.answer(t, "explain", uid, "--cluster", r.Cluster), "live", batch.ID(), "1 other record", "digest matches")

	j.sql(t, `DELETE FROM kubernetes_execution_audit`)
	until(t, "visibility knows that it is over", func() bool {
		x = j.explained(t, exitNo, r.ID)
		return x.State == stateGone
	})
	if x.ID != r.ID || x.Delivery == nil || x.Delivery.WorkflowID != batch.ID() {
		t.Errorf("a row that is gone: %+v", x)
	}
	if o := j.execute(t, "explain", batch.ID()); o.code != exitUsage || !strings.Contains(o.stderr, "several records") {
		t.Errorf("explaining a batch: exit code %d: %s", o.code, o.stderr)
	}
}
