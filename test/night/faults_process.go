package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/test/world"
	"github.com/auditflow/auditflow/workflows"
)

// processTrials take servers away from all others, and go one by one.
func (s *stage) processTrials() []trial {
	return []trial{s.noWorker(), s.noMaintenance(), s.noDatabase(), s.noTemporal()}
}

// noWorker holds a delivery up so long that somebody can end it.
func (s *stage) noWorker() trial {
	var orphan string // the workflow
	return trial{
		alerts: []string{"AuditWorkerAbsent", "AuditDeliveryAbandoned"},
		also:   []string{"AuditMaintenanceUnseen", "AuditDeliverySlow"},
		fault:  "the worker is stopped; meanwhile an execution is deleted and somebody terminates its workflow",
		cure:   "the worker is started; temporal workflow reset to the first workflow task, and auditctl explain says live",
		inject: func(ctx context.Context) (err error) {
			if err := s.product.Worker.Stop(ctx); err != nil {
				return err
			}
			orphan, err = s.orphan(ctx)
			return err
		},
		mend: func(ctx context.Context) error {
			err := s.product.Worker.Start(ctx)
			if orphan == "" {
				return err
			}
			if _, resetErr := s.temporalCLI(ctx, "workflow", "reset", "--workflow-id", orphan, "--type", "FirstWorkflowTask", "--reason", "have the record persisted"); err == nil {
				err = resetErr
			}
			if err != nil {
				return err
			}
			return s.live(ctx, orphan)
		},
	}
}

// orphan is the terminated delivery of an execution that is gone.
func (s *stage) orphan(ctx context.Context) (workflow string, err error) {
	ex, err := s.ended(ctx, "orphan", time.Now())
	if err != nil {
		return "", err
	}
	short := workflows.ShortID(audit.ID(world.Cluster, string(ex.UID)))
	err = until(ctx, "its delivery is found in Temporal", func() (bool, error) {
		list, err := s.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("AuditRecords = '%s'", short)})
		if err != nil || len(list.GetExecutions()) == 0 {
			return false, err
		}
		workflow = list.GetExecutions()[0].GetExecution().GetWorkflowId()
		return true, nil
	})
	if err != nil {
		return "", err
	}
	if err := s.executor.Client.Delete(ctx, ex); err != nil {
		return "", fmt.Errorf("delete the execution: %w", err)
	}
	err = until(ctx, "the execution is let go", func() (bool, error) {
		err := s.executor.Client.Get(ctx, client.ObjectKeyFromObject(ex), &v1.KubernetesExecution{})
		return client.IgnoreNotFound(err) == nil && err != nil, client.IgnoreNotFound(err)
	})
	if err != nil {
		return "", err
	}
	return workflow, s.temporal.TerminateWorkflow(ctx, workflow, "", "cleaning up")
}

// live asks auditctl explain, which knows where a record is.
func (s *stage) live(ctx context.Context, workflow string) error {
	var told string
	err := until(ctx, "auditctl explain says live", func() (bool, error) {
		told, _ = s.auditctl(ctx, "explain", workflow, "-o", "json")
		return strings.Contains(told, `"state": "live"`), nil
	})
	if err != nil {
		err = fmt.Errorf("%w: %s", err, told)
	}
	return err
}

func (s *stage) noMaintenance() trial {
	const on, off = "maintenance:\n", "maintenance:\n  enabled: false\n"
	restart := func(ctx context.Context, from, to string) error {
		return errors.Join(s.product.Worker.Stop(ctx), edit(s.product.Worker.Config, from, to), s.product.Worker.Start(ctx))
	}
	return trial{
		alerts: []string{"AuditMaintenanceUnseen"},
		fault:  "the only worker is restarted with maintenance.enabled: false",
		cure:   "the worker does maintenance again",
		inject: func(ctx context.Context) error { return restart(ctx, on, off) },
		mend:   func(ctx context.Context) error { return restart(ctx, off, on) },
	}
}

func (s *stage) noDatabase() trial {
	return trial{
		alerts: []string{"AuditStorageFailing", "AuditPendingTooLong"},
		also:   []string{"AuditTrailUnread", "AuditDeliverySlow"},
		fault:  "PostgreSQL is stopped; an execution ended twenty minutes ago, by its own clock",
		cure:   "PostgreSQL is started",
		inject: func(ctx context.Context) error {
			if err := s.Postgres.Stop(ctx); err != nil {
				return err
			}
			_, err := s.ended(ctx, "forgotten", time.Now().Add(-20*time.Minute))
			return err
		},
		mend: s.Postgres.Start,
	}
}

func (s *stage) noTemporal() trial {
	return trial{
		alerts: []string{"AuditStartsFailing"},
		also:   []string{"AuditMaintenanceUnseen", "AuditTrailUnread", "AuditDeliverySlow", "AuditScheduleMissed", "AuditDoorRefuses"},
		fault:  "Temporal is stopped",
		cure:   "Temporal is started",
		inject: s.Temporal.Stop,
		mend:   s.Temporal.Start,
	}
}

// until asks again and again, for a minute and a half.
func until(ctx context.Context, what string, is func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	for {
		done, err := is()
		if err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain: %s", what)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
