package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

// TierPartitions moves partitions into the tablespace of their age, one after
// the other, while their rows are read and written.
func TierPartitions(ctx workflow.Context, policy lifecycle.Tiers) (Report, error) {
	j := &journal{task: ScheduleTier}
	j.tell(ctx, "looking what has to move")
	plan, err := do[activities.TierPlan](quick(ctx, "find what has to move"), ActivityPlanTiers, workflow.Now(ctx), policy)
	if err != nil {
		j.fail("plan", err)
		return j.end(ctx, "nothing was moved")
	}
	if plan.Nothing != "" {
		return j.end(ctx, "%s", plan.Nothing)
	}
	moves := 0
	for _, move := range plan.Moves {
		j.tell(ctx, "moving %s to %s", move.Partition, move.Tablespace)
		moved, err := do[bool](long(ctx, "move "+move.Partition+" to "+move.Tablespace), ActivityMovePartition, move)
		switch {
		case err != nil:
			j.fail(move.Partition, err)
		case moved:
			moves++
			j.done(move.Partition, "moved to %s: %s", move.Tablespace, move.Why)
		default:
			j.kept(move.Partition, "is held, on its way out, or there already")
		}
	}
	return j.end(ctx, "%d of %d moved", moves, len(plan.Moves))
}
