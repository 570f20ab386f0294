package workflows_test

import (
	"context"
	"fmt"
	"slices"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

// maintenances are the runs of maintenance that are recorded of each version from
// v0.2 on, with the activities each goes through.
var maintenances = map[string][]string{
	"create": {workflows.ActivityPlanPartitions, workflows.ActivityEnsurePartition, workflows.ActivityEnsurePartition},
	"tier":   {workflows.ActivityPlanTiers, workflows.ActivityMovePartition},
	"archive": {workflows.ActivityPlanArchive, workflows.ActivityExportPeriod, workflows.ActivityPublishManifest,
		workflows.ActivityExportPeriod, workflows.ActivityPublishManifest},
	"retention": slices.Concat(
		[]string{workflows.ActivityAdmitRetention, workflows.ActivityPlanRetention, workflows.ActivityFinishDetaching},
		[]string{workflows.ActivityVerifyPeriod, workflows.ActivityComparePartition},
		[]string{workflows.ActivityExportPeriod, workflows.ActivityPublishManifest, workflows.ActivityVerifyPeriod, workflows.ActivityComparePartition},
		[]string{workflows.ActivityDetachPartition, workflows.ActivityComparePartition, workflows.ActivityDropPartition},
		[]string{workflows.ActivityExportPeriod, workflows.ActivityPublishManifest, workflows.ActivityVerifyPeriod, workflows.ActivityComparePartition},
		[]string{workflows.ActivityDeleteRows},
		[]string{workflows.ActivityPlanArchiveRetention, workflows.ActivityDeletePeriod, workflows.ActivityExpireRestores},
	),
}

// maintain records one run of maintenance.
func (r *recorder) maintain(ctx context.Context, name string) (*historypb.History, error) {
	plan, january := workflows.Defaults(), audit.PeriodOf(audit.Monthly, execution("").CreatedAt)
	k := &keeper{
		create:    activities.CreatePlan{Periods: []audit.Period{january, audit.PeriodOf(audit.Monthly, january.End)}},
		tiers:     activities.TierPlan{Moves: []lifecycle.Move{{Partition: "audit_2026_01", Tablespace: "ssd", Why: "old"}}},
		archive:   activities.ArchivePlan{Due: []lifecycle.Step{due(1), due(2)}},
		retention: decided(decision(1, lifecycle.Drop), decision(2, lifecycle.Keep), decision(3, lifecycle.DeleteRows)),
		expiry:    activities.ExpiryPlan{Decisions: []lifecycle.Decision{decision(4, lifecycle.Drop)}},
		exported:  10, missing: map[string][]int64{"audit_2026_01": {5}},
	}
	k.retention.Finish = []string{"audit_2025_12"}
	workflow, policy := map[string]string{
		"create": workflows.TypeCreatePartitions, "tier": workflows.TypeTierPartitions,
		"archive": workflows.TypeArchivePartitions, "retention": workflows.TypeEnforceRetention,
	}[name], map[string]any{"create": plan.Create, "tier": plan.Tiers, "archive": plan.Archiving, "retention": plan.Retention}[name]

	queue := "recorder-" + name
	w := sdkworker.New(r.client, queue, sdkworker.Options{DisableRegistrationAliasing: true})
	worker.RegisterMaintenance(onlyWorkflows{w}, &activities.Maintain{})
	for name, hand := range k.hands() {
		w.RegisterActivityWithOptions(hand, activity.RegisterOptions{Name: name})
	}
	if err := w.Start(); err != nil {
		return nil, err
	}
	defer w.Stop()
	run, err := r.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "maintenance/" + name, TaskQueue: queue}, workflow, policy)
	if err != nil {
		return nil, err
	}
	if err := run.Get(ctx, nil); err != nil {
		return nil, fmt.Errorf("wait for %s: %w", run.GetID(), err)
	}
	return r.history(ctx, run.GetID())
}

// onlyWorkflows leaves the activities to a keeper.
type onlyWorkflows struct{ sdkworker.Worker }

func (onlyWorkflows) RegisterActivityWithOptions(any, activity.RegisterOptions) {}
