package worker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/workflows"
)

// MaintenanceConfig bounds the maintenance that one process does. Zero means the
// default.
type MaintenanceConfig struct {
	// Schedules are brought about when the worker starts.
	Schedules []workflows.Schedule
	// Activities are how many run at once. Each may hold some segments of a period
	// in memory and uses a processor and the database to the full. Default 2, so
	// that a partition is created while a period is archived.
	Activities int
	// DrainTimeout is as in [Config]. A long step tells how far it is and ends at
	// once; another worker goes on. Default 20 s.
	DrainTimeout time.Duration
	// Deployment is the version of this worker.
	Deployment Deployment
}

// RunMaintenance works on the maintenance queue until ctx ends, as [Run] does on
// the other, and keeps trying in the background to bring the schedules about.
func RunMaintenance(ctx context.Context, c client.Client, cfg MaintenanceConfig, m *activities.Maintain, log *slog.Logger) error {
	if cfg.Activities == 0 {
		cfg.Activities = 2
	}
	if cfg.DrainTimeout == 0 {
		cfg.DrainTimeout = 20 * time.Second
	}
	ctx, stop := context.WithCancel(ctx)
	var schedules sync.WaitGroup
	defer schedules.Wait()
	defer stop()
	for _, s := range cfg.Schedules {
		schedules.Go(func() { convergeUntil(ctx, c, s, log) })
	}
	return work(ctx, c, workflows.QueueMaintenance, worker.Options{
		MaxConcurrentWorkflowTaskExecutionSize: 4, // one run of each workflow
		MaxConcurrentActivityExecutionSize:     cfg.Activities,
		WorkerStopTimeout:                      cfg.DrainTimeout,
		DeploymentOptions:                      cfg.Deployment.options(),
	}, func(r Registry) { RegisterMaintenance(r, m) })
}

// RegisterMaintenance makes everything known under the names histories remember.
func RegisterMaintenance(r Registry, m *activities.Maintain) {
	for name, w := range map[string]any{
		workflows.TypeCreatePartitions:  workflows.CreatePartitions,
		workflows.TypeTierPartitions:    workflows.TierPartitions,
		workflows.TypeArchivePartitions: workflows.ArchivePartitions,
		workflows.TypeEnforceRetention:  workflows.EnforceRetention,
	} {
		r.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{Name: name})
	}
	for name, a := range map[string]any{
		workflows.ActivityPlanPartitions:       m.PlanPartitions,
		workflows.ActivityEnsurePartition:      m.EnsurePartition,
		workflows.ActivityPlanTiers:            m.PlanTiers,
		workflows.ActivityMovePartition:        m.MovePartition,
		workflows.ActivityPlanArchive:          m.PlanArchive,
		workflows.ActivityExportPeriod:         m.ExportPeriod,
		workflows.ActivityPublishManifest:      m.PublishManifest,
		workflows.ActivityAdmitRetention:       m.AdmitRetention,
		workflows.ActivityPlanRetention:        m.PlanRetention,
		workflows.ActivityFinishDetaching:      m.FinishDetaching,
		workflows.ActivityVerifyPeriod:         m.VerifyPeriod,
		workflows.ActivityDetachPartition:      m.DetachPartition,
		workflows.ActivityComparePartition:     m.ComparePartition,
		workflows.ActivityDropPartition:        m.DropPartition,
		workflows.ActivityDeleteRows:           m.DeleteRows,
		workflows.ActivityPlanArchiveRetention: m.PlanArchiveRetention,
		workflows.ActivityDeletePeriod:         m.DeletePeriod,
		workflows.ActivityExpireRestores:       m.ExpireRestores,
		workflows.ActivityCountRun:             m.CountRun,
	} {
		r.RegisterActivityWithOptions(a, activity.RegisterOptions{Name: name})
	}
}
