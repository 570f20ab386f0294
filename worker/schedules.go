package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/auditflow/auditflow/workflows"
)

// convergeUntil brings a schedule about, however long the server takes. Others
// do not wait for it, nor do deliveries.
func convergeUntil(ctx context.Context, c client.Client, s workflows.Schedule, log *slog.Logger) {
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		change, err := Converge(ctx, c, s)
		if err == nil {
			log.Info("schedule is as configured", "schedule", s.ID, "change", change)
			return
		}
		if ctx.Err() != nil {
			return
		}
		log.Warn("schedule is not as configured", "schedule", s.ID, "retry_in", pause.String(), "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// Converge creates a schedule that is not there, and changes one that was made
// from another configuration. Then, too, it stays paused if somebody paused it,
// and keeps its note. Anything else that was changed by other hands stays as long
// as the configuration does. Any number of processes may do it at once.
func Converge(ctx context.Context, c client.Client, s workflows.Schedule) (change string, err error) {
	options, err := s.Options()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	change = "none"
	var absent *serviceerror.NotFound
	err = c.ScheduleClient().GetHandle(ctx, s.ID).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(there client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			if MadeFrom(there.Description) == options.Memo[workflows.MemoConfiguration] {
				return nil, temporal.ErrSkipScheduleUpdate
			}
			change = "updated"
			return &client.ScheduleUpdate{Schedule: &client.Schedule{
				Action: options.Action, Spec: &options.Spec, State: there.Description.Schedule.State,
				Policy: &client.SchedulePolicies{Overlap: options.Overlap, CatchupWindow: options.CatchupWindow},
			}}, nil
		},
	})
	if errors.As(err, &absent) {
		change = "created"
		_, err = c.ScheduleClient().Create(ctx, options)
		if errors.Is(err, temporal.ErrScheduleAlreadyRunning) { // another process was faster, with the same, or ends in the same
			return Converge(ctx, c, s)
		}
	}
	if err != nil {
		return "", fmt.Errorf("schedule %s: %w", s.ID, err)
	}
	return change, nil
}

// MadeFrom is the configuration that a schedule was made from: the action says so,
// or, if somebody edited that, the schedule, which remembers its first.
func MadeFrom(d client.ScheduleDescription) any {
	if action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction); ok {
		if payload, ok := action.Memo[workflows.MemoConfiguration].(*commonpb.Payload); ok {
			return text(payload)
		}
	}
	return text(d.Memo.GetFields()[workflows.MemoConfiguration])
}

func text(p *commonpb.Payload) (s string) {
	if p == nil || converter.GetDefaultDataConverter().FromPayload(p, &s) != nil {
		return ""
	}
	return s
}
