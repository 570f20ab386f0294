package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/test/faults/judge"
)

// The schedules of the contract, written out.
const (
	scheduleTier      = "audit-tier"
	scheduleArchive   = "audit-archive"
	scheduleRetention = "audit-retention"
)

const days = 24 * time.Hour

// old is the age of records that are due to be archived, and to leave the database.
const old = 200 * days

var errDied = errors.New("the worker died")

// postOld has clients post records that are old already, and waits until they have
// their rows: a partition for which something is under way is not dropped.
func (t *trial) postOld(ctx context.Context, label string) error {
	aged := load{label: label, clients: 2, batch: 100, rhythm: 50 * time.Millisecond, age: old}
	if err := t.beside(ctx, aged, func(ctx context.Context) error { return rest(ctx, 1500*time.Millisecond) }); err != nil {
		return err
	}
	return t.whole(ctx, 5*time.Minute)
}

// whole waits until all that has completed by now is somewhere.
func (t *trial) whole(ctx context.Context, most time.Duration) error {
	now := time.Now()
	return t.connected(ctx, func(conn *pgx.Conn) error {
		return until(ctx, most, "everything to be there", func(ctx context.Context) error {
			found, err := t.rows(ctx, conn)
			if n := t.books.Missing(found, now); err == nil && n > 0 {
				err = fmt.Errorf("%d executions are not", n)
			}
			return err
		})
	})
}

// live is how many old rows of this trial the database has, be their partition
// detached or not.
func (t *trial) live(ctx context.Context) (n int, err error) {
	err = t.connected(ctx, func(conn *pgx.Conn) error {
		if err := conn.QueryRow(ctx, `SELECT count(*) FROM kubernetes_execution_audit
			WHERE workflow_ref = $1 AND created_at < now() - interval '100 days'`, t.name).Scan(&n); err != nil {
			return err
		}
		out, err := judge.Detached(ctx, conn, t.name)
		n += len(out)
		return err
	})
	return n, err
}

// trigger runs a schedule now, whatever of it is still under way, and returns when
// that run has ended, well or not; errDied when the worker did.
func (t *trial) trigger(ctx context.Context, schedule string, overlap enumspb.ScheduleOverlapPolicy) error {
	run, err := t.begin(ctx, schedule, overlap)
	if err != nil {
		return err
	}
	return t.while(ctx, func(ctx context.Context) error {
		d, err := t.temporal.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
		if err == nil && d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			err = errors.New("it has not ended")
		}
		return err
	})
}

func (t *trial) begin(ctx context.Context, schedule string, overlap enumspb.ScheduleOverlapPolicy) (run client.WorkflowRun, err error) {
	handle := t.temporal.ScheduleClient().GetHandle(ctx, schedule)
	known := map[string]bool{}
	// The schedule is there a moment after the worker has begun.
	if err := t.while(ctx, func(ctx context.Context) error {
		before, err := handle.Describe(ctx)
		if err != nil {
			return err
		}
		for _, a := range before.Info.RecentActions {
			known[a.StartWorkflowResult.FirstExecutionRunID] = true
		}
		return handle.Trigger(ctx, client.ScheduleTriggerOptions{Overlap: overlap})
	}); err != nil {
		return nil, err
	}
	err = t.while(ctx, func(ctx context.Context) error {
		d, err := handle.Describe(ctx)
		if err != nil {
			return err
		}
		for _, a := range d.Info.RecentActions {
			if began := a.StartWorkflowResult; !known[began.FirstExecutionRunID] {
				run = t.temporal.GetWorkflow(ctx, began.WorkflowID, began.FirstExecutionRunID)
				return nil
			}
		}
		return errors.New("it has not begun")
	})
	return run, err
}

// while tries until it is well, or the worker is dead.
func (t *trial) while(ctx context.Context, try func(context.Context) error) error {
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if !t.product.Worker.Running() {
			return errDied
		}
		if ended := rest(ctx, 250*time.Millisecond); ended != nil {
			return fmt.Errorf("%w: %w", ended, err)
		}
	}
}

// maintain runs everything once. What a run could not do it tells; only a worker
// that died, or a run that does not end, is an error.
func (t *trial) maintain(ctx context.Context, schedules ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if len(schedules) == 0 {
		schedules = []string{scheduleTier, scheduleArchive, scheduleRetention}
	}
	for _, schedule := range schedules {
		err := t.trigger(ctx, schedule, enumspb.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER)
		if errors.Is(err, errDied) || ctx.Err() != nil {
			return fmt.Errorf("%s: %w", schedule, err)
		}
	}
	return nil
}

// archived waits until all old rows have left the database, into the archive.
func (t *trial) archived(ctx context.Context) error {
	return until(ctx, 5*time.Minute, "the old rows to be archived and dropped", func(ctx context.Context) error {
		if err := t.maintain(ctx, scheduleArchive, scheduleRetention); err != nil {
			return err
		}
		n, err := t.live(ctx)
		if err == nil && n > 0 {
			err = fmt.Errorf("%d are still there", n)
		}
		return err
	})
}
