package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

// ArchivePartitions copies into the archive what is old enough and not there
// yet, period by period: a period's rows are archived when a manifest names the
// segments that hold them, which were read back before.
func ArchivePartitions(ctx workflow.Context, policy lifecycle.Archiving) (Report, error) {
	j := &journal{task: ScheduleArchive}
	j.tell(ctx, "looking what is to be archived")
	plan, err := do[activities.ArchivePlan](steady(ctx, "find what is to be archived"), ActivityPlanArchive, workflow.Now(ctx), policy)
	if err != nil {
		j.fail("plan", err)
		return j.end(ctx, "nothing was archived")
	}
	if plan.Nothing != "" {
		return j.end(ctx, "%s", plan.Nothing)
	}
	var rows int64
	for _, step := range plan.Due {
		j.tell(ctx, "archiving %s", step.Period)
		published, err := archivePeriod(ctx, activities.Period{Partition: step.Partition, Start: step.Start, End: step.End})
		switch {
		case err != nil:
			j.fail(step.Period, err)
		case published.Rows == 0:
			j.done(step.Period, "every row was archived already")
		default:
			rows += published.Rows
			j.done(step.Period, "archived %d rows, %d bytes, manifest %d", published.Rows, published.Bytes, published.Number)
		}
	}
	return j.end(ctx, "%d rows archived; of %d other periods nothing is missing, %d are too young or on their way out%s",
		rows, plan.Complete, plan.Waiting, later(plan.Later))
}

// archivePeriod archives what the archive does not have of a partition. The
// answer has no rows when there was nothing, or nothing any more: of two runs at
// once, one publishes, and the other looks again.
func archivePeriod(ctx workflow.Context, p activities.Period) (published activities.Published, err error) {
	for range 3 {
		published, err = tryArchive(ctx, p)
		if failure := new(temporal.ApplicationError); !errors.As(err, &failure) || failure.Type() != activities.TypeOutrun {
			return published, err
		}
	}
	return published, err
}

func tryArchive(ctx workflow.Context, p activities.Period) (published activities.Published, err error) {
	name := p.Name()
	exported, err := do[activities.Exported](long(ctx, "export "+name+" and read it back"), ActivityExportPeriod, p)
	if err != nil || exported.Rows == 0 {
		return published, err
	}
	return do[activities.Published](steady(ctx, "publish the manifest of "+name), ActivityPublishManifest,
		activities.Publication{Period: p, Exported: exported, Now: workflow.Now(ctx)})
}
