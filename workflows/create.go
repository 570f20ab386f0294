package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

// CreatePartitions makes sure that there is a partition for now and for the
// periods ahead.
func CreatePartitions(ctx workflow.Context, policy lifecycle.Create) (Report, error) {
	j := &journal{task: ScheduleCreatePartitions}
	j.tell(ctx, "looking which partitions are missing")
	plan, err := do[activities.CreatePlan](quick(ctx, "find what is missing"), ActivityPlanPartitions, workflow.Now(ctx), policy)
	if err != nil {
		j.fail("plan", err)
		return j.end(ctx, "nothing was created")
	}
	created := 0
	for _, period := range plan.Periods {
		name := period.Suffix()
		j.tell(ctx, "creating the partition of %s", name)
		made, err := do[bool](quick(ctx, "create "+name), ActivityEnsurePartition, period)
		switch {
		case err != nil:
			j.fail(name, err)
		case made:
			created++
			j.done(name, "created")
		default:
			j.kept(name, "somebody else created it meanwhile")
		}
	}
	return j.end(ctx, "%d created; before, they sufficed for %s", created, plan.Runway)
}
