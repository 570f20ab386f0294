package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/auditflow/auditflow/audit"
)

// archiveTrials are about what is archived, kept and read.
func (s *stage) archiveTrials() []trial {
	return []trial{s.tampered(), s.unverified(), s.collision(), s.unread()}
}

func (s *stage) tampered() trial {
	set := func(ctx context.Context, from, to string) error {
		n, err := s.count(ctx, `WITH changed AS (UPDATE kubernetes_execution_audit SET output = $2 WHERE output = $1 AND created_at < now() - interval '125 days' RETURNING 1)
			SELECT count(*) FROM changed`, from, to)
		if err == nil && n != 1 {
			err = fmt.Errorf("%d rows have been altered instead of one", n)
		}
		return err
	}
	return trial{
		alerts: []string{"AuditArchiveFailed"},
		fault:  "somebody alters a row before it is archived",
		cure:   "who it was is found out, and the row is as it was again; auditctl archive run",
		inject: func(ctx context.Context) error {
			if err := set(ctx, confession, "scaled"); err != nil {
				return err
			}
			out, err := s.auditctl(ctx, "archive", "run")
			if err == nil {
				return fmt.Errorf("auditctl archive run archives an altered row: %s", out)
			}
			return nil
		},
		mend: func(ctx context.Context) error {
			err := set(ctx, "scaled", confession)
			if _, runErr := s.auditctl(ctx, "archive", "run"); err == nil {
				err = runErr
			}
			return err
		},
	}
}

func (s *stage) unverified() trial {
	return trial{
		alerts: []string{"AuditArchiveUnverified"},
		fault:  "of one period it is noted that it was archived and verified 400 days ago",
		cure:   "auditctl verify",
		inject: func(ctx context.Context) error {
			period := audit.PeriodOf(audit.Daily, ago(archived)).Suffix()
			return s.sql(ctx,
				"SET session_replication_role = replica; UPDATE auditflow_verification SET verified_at = now() - interval '400 days' WHERE period = '"+period+"';"+
					`UPDATE auditflow_manifest SET manifest = jsonb_set(manifest, '{archived_at}', to_jsonb(to_char(now() - interval '400 days', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))) WHERE period = '`+period+"';"+
					"SET session_replication_role = DEFAULT")
		},
		mend: func(ctx context.Context) error { _, err := s.auditctl(ctx, "verify"); return err },
	}
}

func (s *stage) collision() trial {
	return trial{
		alerts: []string{"AuditHoldCollision"},
		fault:  "a hold is placed on a day whose rows expire in ten days",
		cure:   "auditctl hold release",
		inject: func(ctx context.Context) error {
			_, err := s.auditctl(ctx, "hold", "place", "--period", audit.PeriodOf(audit.Daily, ago(expiresIn)).Suffix(), "--reason", "inquiry")
			return err
		},
		mend: func(ctx context.Context) error {
			id, err := s.count(ctx, `SELECT id FROM auditflow_hold WHERE released_at IS NULL`)
			if err != nil {
				return err
			}
			_, err = s.auditctl(ctx, "hold", "release", strconv.Itoa(id))
			return err
		},
	}
}

func (s *stage) unread() trial {
	return trial{
		alerts: []string{"AuditTrailUnread"},
		fault:  "a table of maintenance belongs to an administrator, as after a restore by hand",
		cure:   "the statement that auditctl doctor tells",
		inject: func(ctx context.Context) error { return s.sql(ctx, "ALTER TABLE auditflow_hold OWNER TO CURRENT_USER") },
		mend: func(ctx context.Context) error {
			const cure = "ALTER TABLE auditflow_hold OWNER TO auditflow_maintainer"
			told, err := s.auditctl(ctx, "doctor", "-o", "json")
			if strings.Contains(told, cure) {
				err = nil // it found a fault, hence its exit code
			} else {
				err = fmt.Errorf("auditctl doctor does not tell %q: %s (%w)", cure, told, err)
			}
			if sqlErr := s.sql(ctx, cure); err == nil {
				err = sqlErr
			}
			return err
		},
	}
}
