package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/workflows"
)

const day = 24 * time.Hour

// The days of old records, each in a partition of its own.
const (
	altered   = 130 // will be altered before it is archived
	expired   = 120 // archived, and its partition will stay half way out
	archived  = 110
	expiresIn = 80 // in ten days, by the default of 90
)

// partition is the table of a day, so many before today or, negative, after it.
func partition(daysAgo int) string {
	return "kubernetes_execution_audit_" + audit.PeriodOf(audit.Daily, ago(daysAgo)).Suffix()
}

func ago(days int) time.Time { return time.Now().UTC().Add(-time.Duration(days) * day) }

// history gives the trail a past: old records, some of them archived.
func (s *stage) history(ctx context.Context) error {
	for _, days := range []int{expired, archived, expiresIn} {
		for range 20 {
			if err := s.stored(ctx, oldRecord(days)); err != nil {
				return err
			}
		}
	}
	// Between what is old and today there are holes now, which the next run fills.
	for _, command := range [][]string{{"partitions", "create"}, {"archive", "run"}, {"verify"}} {
		if _, err := s.auditctl(ctx, command...); err != nil {
			return err
		}
	}
	r := oldRecord(altered)
	r["output"] = confession
	return errors.Join(s.stored(ctx, r), s.sql(ctx, "ANALYZE"))
}

// confession is the output of the one record that is not archived yet.
const confession = "deleted the database"

func oldRecord(days int) map[string]any {
	r := record(uuid.NewString(), "long ago")
	r["created_at"] = ago(days)
	return r
}

// longTrials take minutes and touch nothing that others do.
func (s *stage) longTrials() []trial { return []trial{s.paused(), s.halfDetached()} }

func (s *stage) paused() trial {
	handle := func(ctx context.Context) client.ScheduleHandle {
		return s.temporal.ScheduleClient().GetHandle(ctx, workflows.ScheduleTier)
	}
	return trial{
		alerts: []string{"AuditScheduleMissed", "AuditSchedulePaused"},
		fault:  "somebody pauses the schedule audit-tier, and forgets it",
		cure:   "the schedule is unpaused",
		inject: func(ctx context.Context) error {
			return handle(ctx).Pause(ctx, client.SchedulePauseOptions{Note: "for a moment"})
		},
		mend: func(ctx context.Context) error {
			return handle(ctx).Unpause(ctx, client.ScheduleUnpauseOptions{Note: "found by an alert"})
		},
		patience: nightly.of(day) + patience,
	}
}

func (s *stage) halfDetached() trial {
	name := partition(expired)
	return trial{
		alerts:   []string{"AuditPartitionHalfDetached"},
		fault:    "DETACH PARTITION CONCURRENTLY waits for an old transaction and is cut short",
		cure:     "auditctl retention run, which finishes first what it finds",
		inject:   func(ctx context.Context) error { return s.cutShort(ctx, name) },
		mend:     func(ctx context.Context) error { _, err := s.auditctl(ctx, "retention", "run"); return err },
		patience: nightly.of(26*time.Hour) + patience,
	}
}

// cutShort leaves a partition half way out. The old transaction then ends: nothing
// but another attempt is missing.
func (s *stage) cutShort(ctx context.Context, partition string) error {
	reader, err := s.alone(ctx)
	if err != nil {
		return err
	}
	defer reader.Close(context.WithoutCancel(ctx))
	if _, err := reader.Exec(ctx, `BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM kubernetes_execution_audit`); err != nil {
		return err
	}
	operator, err := s.alone(ctx)
	if err != nil {
		return err
	}
	defer operator.Close(context.WithoutCancel(ctx))
	if _, err := operator.Exec(ctx, `SET lock_timeout = 500`); err != nil {
		return err
	}
	return until(ctx, partition+" is half way out", func() (bool, error) {
		_, err = operator.Exec(ctx, `ALTER TABLE kubernetes_execution_audit DETACH PARTITION `+partition+` CONCURRENTLY`)
		if code(err) != "55P03" { // a lock that is not available
			return false, fmt.Errorf("detach %s under a reader: %w", partition, err)
		}
		n, err := s.count(ctx, `SELECT count(*) FROM pg_inherits WHERE inhdetachpending`)
		return n == 1, err // else it did not come so far
	})
}

// partitionTrials are about those that are to come.
func (s *stage) partitionTrials() []trial { return []trial{s.noRight(), s.noRunway()} }

func (s *stage) noRight() trial {
	const right = "ON FUNCTION auditflow_create_partition"
	return trial{
		alerts: []string{"AuditMaintenanceFailed", "AuditPartitionsMissing"},
		fault:  "a partition ahead is dropped, and maintenance may not create another",
		cure:   "the login gets the right back that the run's failure asks for; auditctl partitions create",
		inject: func(ctx context.Context) error {
			if err := s.sql(ctx, "DROP TABLE "+partition(-3), "REVOKE EXECUTE "+right+" FROM auditflow_maintainer"); err != nil {
				return err
			}
			out, err := s.auditctl(ctx, "partitions", "create")
			if err == nil {
				return fmt.Errorf("auditctl partitions create succeeds without a right: %s", out)
			}
			return nil
		},
		mend: func(ctx context.Context) error {
			err := s.sql(ctx, "GRANT EXECUTE "+right+" TO auditflow_maintainer")
			if _, runErr := s.auditctl(ctx, "partitions", "create"); err == nil {
				err = runErr
			}
			return err
		},
	}
}

func (s *stage) noRunway() trial {
	return trial{
		alerts: []string{"AuditRunwayShort"},
		also:   []string{"AuditPartitionsMissing"},
		fault:  "all partitions ahead are dropped",
		cure:   "tomorrow's is made by hand, as the runbook says; auditctl partitions create makes the others",
		inject: func(ctx context.Context) error {
			return s.sql(ctx, "DROP TABLE "+partition(-1), "DROP TABLE "+partition(-2), "DROP TABLE "+partition(-3))
		},
		mend: func(ctx context.Context) error {
			p := audit.PeriodOf(audit.Daily, ago(-1))
			const at = "2006-01-02 15:04-07"
			err := s.sql(ctx, fmt.Sprintf(`SELECT auditflow_create_partition('%s', '%s', '%s')`, partition(-1), p.Start.Format(at), p.End.Format(at)))
			if _, runErr := s.auditctl(ctx, "partitions", "create"); err == nil {
				err = runErr
			}
			return err
		},
	}
}
