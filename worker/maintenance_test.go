package worker_test

import (
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	sdktemporal "go.temporal.io/sdk/temporal"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

func outcome(t *testing.T, r workflows.Report, period string) workflows.Outcome {
	t.Helper()
	for _, o := range r.Periods {
		if o.Period == period {
			return o
		}
	}
	t.Fatalf("says nothing about %s: %+v", period, r)
	return workflows.Outcome{}
}

// The whole life of some records, on real servers: archived, joined by late ones,
// held, waited for, dropped, and gone from the archive at last.
func TestRecordsGoTheirWayThroughArchiveAndRetention(t *testing.T) {
	t.Parallel()
	tr := newTrail(t, "trail")
	plan := workflows.Defaults()
	old, held, fresh := tr.append(t, 200, 100, "old"), tr.append(t, 260, 5, "held"), tr.append(t, 1, 3, "fresh")
	hold, err := tr.store.PlaceHold(t.Context(), audit.Hold{Kind: audit.HoldWorkflow, Value: "held", Reason: "inquiry", PlacedBy: "counsel"})
	if err != nil {
		t.Fatal(err)
	}

	tr.run(t, workflows.TypeCreatePartitions, plan.Create)
	if runway := lifecycle.Runway(time.Now(), parts(t, tr)); runway < 85*lifecycle.Day {
		t.Errorf("the runway is %s", runway)
	}
	report := tr.run(t, workflows.TypeArchivePartitions, plan.Archiving)
	if o := outcome(t, report, suffix(200)); !strings.HasPrefix(o.Done, "archived 100 rows") {
		t.Errorf("%+v", o)
	}
	if again := tr.run(t, workflows.TypeArchivePartitions, plan.Archiving); len(again.Periods) != 0 {
		t.Errorf("nothing had changed, and yet %+v", again)
	}
	late := tr.append(t, 200, 2, "late")

	// A delivery under way keeps the partition of its row.
	delivery := tr.deliver(t, old[0].CreatedAt)
	report = tr.run(t, workflows.TypeEnforceRetention, plan.Retention)
	if o := outcome(t, report, suffix(200)); !strings.HasPrefix(o.Kept, "1 deliveries of its rows are under way") {
		t.Errorf("%+v", o)
	}
	tr.settle(t, delivery, old[0].CreatedAt)

	report = tr.run(t, workflows.TypeEnforceRetention, plan.Retention)
	if o := outcome(t, report, suffix(200)); !strings.HasPrefix(o.Done, "dropped, 102 rows") {
		t.Errorf("%+v", o)
	}
	if o := outcome(t, report, suffix(260)); o.Kept == "" {
		t.Errorf("a held partition: %+v", o)
	}
	live, archived := tr.live(t), tr.archived(t)
	if _, there := live[suffix(200)]; there || live[suffix(260)].Name == "" || live[suffix(1)].Name == "" {
		t.Errorf("live are %v", live)
	}
	for _, r := range append(old, append(late, held...)...) {
		if !archived[r.ID] {
			t.Errorf("row %s is not in the archive", r.ID)
		}
	}
	if archived[fresh[0].ID] {
		t.Error("a row of yesterday is in the archive")
	}
	tr.buried(t, audit.DeletedPartition, 102)

	// The hold is released, and after years the archive is emptied as well.
	if _, err := tr.store.ReleaseHold(t.Context(), hold.ID, "counsel"); err != nil {
		t.Fatal(err)
	}
	plan.Retention.ArchiveAfter = lifecycle.Age(91 * lifecycle.Day)
	tr.confirm(t, plan.Retention)
	tr.run(t, workflows.TypeEnforceRetention, plan.Retention)
	if left := tr.archived(t); len(left) != 0 {
		t.Errorf("%d rows are left in the archive", len(left))
	}
	tr.buried(t, audit.DeletedArchive, 102)
	if again := tr.run(t, workflows.TypeEnforceRetention, plan.Retention); len(again.Periods) != 0 {
		t.Errorf("nothing was left to do, and yet %+v", again)
	}

	// What comes as late as that takes the same way once more.
	tr.append(t, 200, 4, "very late")
	report = tr.run(t, workflows.TypeArchivePartitions, plan.Archiving)
	if o := outcome(t, report, suffix(200)); !strings.HasPrefix(o.Done, "archived 4 rows") {
		t.Errorf("%+v", o)
	}
	tr.run(t, workflows.TypeEnforceRetention, plan.Retention)
	if _, there := tr.live(t)[suffix(200)]; there || len(tr.archived(t)) != 0 {
		t.Error("rows that came after their period had left the archive are still there")
	}
	tr.buried(t, audit.DeletedArchive, 4)
}

// What is found altered is evidence: it stays where whoever looks into it asks for it.
func TestAPartitionThatDiffersFromItsArchiveStaysInTheAuditTable(t *testing.T) {
	t.Parallel()
	tr := newTrail(t, "altered")
	plan := workflows.Defaults()
	rows := tr.append(t, 200, 5, "altered")
	tr.run(t, workflows.TypeArchivePartitions, plan.Archiving)
	const edit = `UPDATE kubernetes_execution_audit SET record_sha256 = decode($2, 'hex') WHERE id = $1`
	tr.alter(t, edit, rows[2].ID, strings.Repeat("ab", 32))

	report, err := tr.try(t, workflows.TypeEnforceRetention, plan.Retention)
	if o := outcome(t, report, suffix(200)); err == nil || !strings.Contains(o.Failed, "one of the two was altered: "+rows[2].ID) {
		t.Errorf("%+v, %v", o, err)
	}
	if p := tr.live(t)[suffix(200)]; p.State != audit.PartitionAttached {
		t.Errorf("queries of the audit table do not find its rows any more: it is %s", p.State)
	}

	tr.putBack(t, rows[2])
	report = tr.run(t, workflows.TypeEnforceRetention, plan.Retention)
	if o := outcome(t, report, suffix(200)); !strings.HasPrefix(o.Done, "dropped, 5 rows") {
		t.Errorf("%+v", o)
	}
}

// putBack does as docs/runbook.md says.
func (tr *trail) putBack(t *testing.T, r audit.Record) {
	t.Helper()
	wanted := audit.Restore{Start: r.CreatedAt, End: r.CreatedAt.Add(time.Second), Record: r.ID, Reason: "altered row",
		RestoredBy: "counsel", ExpiresAt: time.Now().Add(lifecycle.Day)}
	if _, err := tr.store.Restore(t.Context(), wanted, tr.bucket.Read(t.Context(), wanted.Start, wanted.End, r.ID)); err != nil {
		t.Fatal(err)
	}
	tr.alter(t, `DELETE FROM kubernetes_execution_audit WHERE id = $1`, r.ID)
	tr.alter(t, `INSERT INTO kubernetes_execution_audit SELECT * FROM kubernetes_execution_audit_archive WHERE id = $1`, r.ID)
}

// confirm is what auditctl retention confirm does.
func (tr *trail) confirm(t *testing.T, policy lifecycle.Retaining) {
	t.Helper()
	r := policy.Retention()
	r.ConfirmedBy = "counsel"
	if err := tr.store.ConfirmRetention(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func parts(t *testing.T, tr *trail) (all []audit.Partition) {
	t.Helper()
	for _, p := range tr.live(t) {
		all = append(all, p)
	}
	return all
}

// deliver starts a delivery that nobody works on.
func (tr *trail) deliver(t *testing.T, created time.Time) client.WorkflowRun {
	t.Helper()
	run, err := tr.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		TaskQueue: workflows.QueueDelivery, TypedSearchAttributes: sdktemporal.NewSearchAttributes(workflows.AttributeCreated.ValueSet(created)),
	}, workflows.TypeDeliverAudit, []byte("sealed"))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the delivery is listed", func() bool { return tr.inFlight(t, created) == 1 })
	return run
}

func (tr *trail) settle(t *testing.T, delivery client.WorkflowRun, created time.Time) {
	t.Helper()
	if err := tr.client.TerminateWorkflow(t.Context(), delivery.GetID(), delivery.GetRunID(), "over"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the delivery is over", func() bool { return tr.inFlight(t, created) == 0 })
}

// inFlight counts within the second of a row, end exclusive.
func (tr *trail) inFlight(t *testing.T, created time.Time) int64 {
	t.Helper()
	deliveries := worker.NewDeliveries(tr.client)
	n, err := deliveries.InFlight(t.Context(), created, created.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if before, err := deliveries.InFlight(t.Context(), created.Add(-time.Second), created); err != nil || before != 0 {
		t.Fatalf("%d deliveries before it, %v", before, err)
	}
	return n
}

// buried checks that there is a tombstone of a deletion of so many rows.
func (tr *trail) buried(t *testing.T, what audit.Deletion, rows int64) {
	t.Helper()
	all, err := tr.store.Tombstones(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		if b.What == what && b.Rows == rows && b.Manifest != "" && b.WorkflowID != "" && b.RunID != "" && b.Why != "" && strings.HasPrefix(b.Policy, "partitions after 90d") {
			return
		}
	}
	t.Errorf("no tombstone of %s with %d rows: %+v", what, rows, all)
}

func TestAShorterRetentionDeletesNothingUntilItIsConfirmed(t *testing.T) {
	t.Parallel()
	tr := newTrail(t, "shorter")
	policy := workflows.Defaults().Retention
	tr.run(t, workflows.TypeEnforceRetention, policy) // puts it in force
	policy.After, policy.Archiving = lifecycle.Age(30*lifecycle.Day), lifecycle.Age(30*lifecycle.Day)
	run, err := tr.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: workflows.QueueMaintenance}, workflows.TypeEnforceRetention, policy)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Get(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "auditctl retention confirm") {
		t.Errorf("ended with %v", err)
	}
	tr.confirm(t, policy)
	tr.run(t, workflows.TypeEnforceRetention, policy)
}

func TestAnOperatorTriggersARunInTheUI(t *testing.T) {
	t.Parallel()
	tr := newTrail(t, "trigger")
	schedules := tr.client.ScheduleClient()
	for _, task := range workflows.Tasks() {
		eventually(t, "the schedules are there", func() bool {
			return schedules.GetHandle(t.Context(), task).Trigger(t.Context(), client.ScheduleTriggerOptions{}) == nil
		})
		var id string
		eventually(t, task+" has begun", func() bool {
			d, err := schedules.GetHandle(t.Context(), task).Describe(t.Context())
			if err != nil || len(d.Info.RecentActions) == 0 {
				return false
			}
			id = d.Info.RecentActions[0].StartWorkflowResult.WorkflowID
			return true
		})
		var report workflows.Report
		if err := tr.client.GetWorkflow(t.Context(), id, "").Get(t.Context(), &report); err != nil || report.Summary == "" || !strings.HasPrefix(id, task) {
			t.Errorf("%s: %+v, %v", id, report, err)
		}
	}
}
