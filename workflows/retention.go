package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

// EnforceRetention deletes what has expired: in the database what the archive is
// found to have, intact and complete; then, years later, in the archive. What is
// held stays in both.
func EnforceRetention(ctx workflow.Context, policy lifecycle.Retaining) (Report, error) {
	e := &enforcement{journal: journal{task: ScheduleRetention}, policy: policy, now: workflow.Now(ctx)}
	e.tell(ctx, "checking the retention")
	if err := workflow.ExecuteActivity(quick(ctx, "check the retention"), ActivityAdmitRetention, policy).Get(ctx, nil); err != nil {
		e.fail("retention", err)
		return e.end(ctx, "nothing was deleted")
	}
	plan, err := do[activities.RetentionPlan](steady(ctx, "find what has expired"), ActivityPlanRetention, e.now, policy)
	if err != nil {
		e.fail("plan", err)
		return e.end(ctx, "nothing was deleted")
	}
	if plan.Nothing != "" {
		return e.end(ctx, "%s", plan.Nothing)
	}
	e.database(ctx, plan)
	e.archive(ctx)
	e.restores(ctx)
	return e.end(ctx, "%d rows deleted from the database, %d from the archive, %d restored ones; %d periods have not expired%s",
		e.rows, e.archived, e.restored, plan.Kept, later(plan.Later))
}

// enforcement is one run.
type enforcement struct {
	journal
	policy lifecycle.Retaining
	now    time.Time // by which everything is decided
	// rows are what was deleted, archived from the archive, restored of restores.
	rows, archived, restored int64
}

// database finishes what an earlier run left, which is in the way of all else,
// and then does what was decided.
func (e *enforcement) database(ctx workflow.Context, plan activities.RetentionPlan) {
	for _, name := range plan.Finish {
		e.tell(ctx, "finishing to detach %s", name)
		if err := workflow.ExecuteActivity(steady(ctx, "finish detaching "+name), ActivityFinishDetaching, name).Get(ctx, nil); err != nil {
			e.fail(name, err)
		}
	}
	for _, d := range plan.Decisions {
		if ctx.Err() != nil {
			return
		}
		switch d.Action {
		case lifecycle.Drop:
			e.tell(ctx, "dropping %s", d.Partition)
			e.note(d.Period, "dropped", &e.rows)(e.drop(ctx, d))
		case lifecycle.DeleteRows:
			e.tell(ctx, "deleting expired rows of %s", d.Partition)
			e.note(d.Period, "deleted", &e.rows)(e.deleteRows(ctx, d))
		default:
			e.kept(d.Period, d.Why)
		}
	}
}

// note writes down what became of a period.
func (e *enforcement) note(period, verb string, sum *int64) func(activities.Removed, error) {
	return func(r activities.Removed, err error) {
		switch {
		case err != nil:
			e.fail(period, err)
		case r.Kept != "":
			e.kept(period, r.Kept)
		default:
			*sum += r.Rows
			e.done(period, "%s, %d rows, %d bytes", verb, r.Rows, r.Bytes)
		}
	}
}

// drop drops a partition whose rows are all in the archive. They are compared
// twice: a partition that differs is found out while queries find its rows, and
// stays where they do; and only when it is detached no more can come.
func (e *enforcement) drop(ctx workflow.Context, d lifecycle.Decision) (removed activities.Removed, err error) {
	p := activities.Period{Partition: d.Partition, Start: d.Start, End: d.End}
	verified, err := e.verify(ctx, p)
	if err != nil {
		return removed, err
	}
	if _, verified, err = e.prove(ctx, p, verified); err != nil {
		return removed, err
	}
	detached, err := do[activities.Detached](steady(ctx, "detach "+d.Partition), ActivityDetachPartition, p, e.now, e.policy)
	if err != nil || detached.Kept != "" {
		return activities.Removed{Kept: detached.Kept}, err
	}
	compared, verified, err := e.prove(ctx, p, verified)
	if err != nil {
		return removed, err
	}
	return do[activities.Removed](steady(ctx, "drop "+d.Partition), ActivityDropPartition, e.removal(ctx, d, compared, verified))
}

// deleteRows deletes the expired rows of a partition that also has others, or
// that is held. They are in no manifest yet, as a rule.
func (e *enforcement) deleteRows(ctx workflow.Context, d lifecycle.Decision) (removed activities.Removed, err error) {
	p := activities.Period{Partition: d.Partition, Start: d.Start, End: d.End, Before: d.Before}
	if _, err := archivePeriod(ctx, p); err != nil {
		return removed, err
	}
	verified, err := e.verify(ctx, p)
	if err != nil {
		return removed, err
	}
	compared, verified, err := e.prove(ctx, p, verified)
	if err != nil || compared.Rows == 0 {
		return removed, err
	}
	return do[activities.Removed](long(ctx, "delete expired rows of "+d.Partition), ActivityDeleteRows, e.removal(ctx, d, compared, verified))
}

func (e *enforcement) removal(ctx workflow.Context, d lifecycle.Decision, c lifecycle.Comparison, v activities.Verified) activities.Removal {
	return activities.Removal{Decision: d, Rows: c.Rows, Manifest: v.Manifest, Policy: e.policy, Now: workflow.Now(ctx)}
}

func (e *enforcement) verify(ctx workflow.Context, p activities.Period) (activities.Verified, error) {
	return do[activities.Verified](long(ctx, "read back the archive of "+p.Name()), ActivityVerifyPeriod, p, e.now)
}

func (e *enforcement) compare(ctx workflow.Context, p activities.Period) (lifecycle.Comparison, error) {
	return do[lifecycle.Comparison](long(ctx, "compare "+p.Partition+" with the archive"), ActivityComparePartition, p)
}

// prove compares a table with the archive. Rows that came after it was archived
// are archived now, and then they, too, are read back and compared.
func (e *enforcement) prove(ctx workflow.Context, p activities.Period, v activities.Verified) (lifecycle.Comparison, activities.Verified, error) {
	compared, err := e.compare(ctx, p)
	if err != nil || compared.Proven() {
		return compared, v, err
	}
	if _, err = archivePeriod(ctx, p); err != nil {
		return compared, v, err
	}
	if v, err = e.verify(ctx, p); err != nil {
		return compared, v, err
	}
	if compared, err = e.compare(ctx, p); err == nil && !compared.Proven() {
		err = fmt.Errorf("%d rows of %s are still not in the archive", compared.Missing, p.Partition)
	}
	return compared, v, err
}

// archive deletes from the archive what has expired there.
func (e *enforcement) archive(ctx workflow.Context) {
	e.tell(ctx, "looking what has expired in the archive")
	plan, err := do[activities.ExpiryPlan](steady(ctx, "find what has expired in the archive"), ActivityPlanArchiveRetention, e.now, e.policy)
	if err != nil {
		e.fail("archive", err)
		return
	}
	for _, period := range plan.Unfinished {
		plan.Decisions = append(plan.Decisions, lifecycle.Decision{Period: period, Action: lifecycle.Drop})
	}
	for _, d := range plan.Decisions {
		if d.Action != lifecycle.Drop {
			e.kept(d.Period, d.Why)
			continue
		}
		e.tell(ctx, "deleting %s from the archive", d.Period)
		e.note(d.Period, "deleted from the archive", &e.archived)(do[activities.Removed](long(ctx, "delete "+d.Period+" from the archive"),
			ActivityDeletePeriod, activities.Removal{Decision: d, Policy: e.policy, Now: workflow.Now(ctx)}))
	}
}

// restores takes away restored rows whose time has passed.
func (e *enforcement) restores(ctx workflow.Context) {
	e.tell(ctx, "expiring restored rows")
	rows, err := do[int64](steady(ctx, "expire restored rows"), ActivityExpireRestores, e.now)
	if err != nil {
		e.fail("restores", err)
		return
	}
	e.restored = rows
}
