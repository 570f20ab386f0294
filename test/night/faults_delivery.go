package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/auditflow/auditflow/httpapi"
)

// deliveryTrials are about records on their way; one at a time, since each of them
// concerns all that are.
func (s *stage) deliveryTrials() []trial {
	return []trial{s.conflict(), s.quarantine(), s.keyUnknown(), s.unattended(), s.slow(), s.flood(), s.noController()}
}

func (s *stage) conflict() trial {
	return trial{
		alerts: []string{"AuditConflict"},
		fault:  "a second program posts an execution again, in a batch and with other output",
		cure:   "the second program is found and stopped; auditctl show has the first row",
		inject: func(ctx context.Context) error {
			uid := uuid.NewString()
			if err := s.stored(ctx, record(uid, "scaled")); err != nil {
				return err
			}
			status, err := s.post(ctx, httpapi.PathBatch, []any{record(uid, "nothing happened"), record(uuid.NewString(), "another")})
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("the API answers %d to the batch", status)
			}
			return err
		},
		mend: func(ctx context.Context) error {
			var id string
			if err := s.db.QueryRow(ctx, `SELECT id FROM kubernetes_execution_audit WHERE output = 'scaled' LIMIT 1`).Scan(&id); err != nil {
				return fmt.Errorf("the first row: %w", err)
			}
			_, err := s.auditctl(ctx, "show", id)
			return err
		},
	}
}

func (s *stage) quarantine() trial {
	const constraint = "no_night"
	return trial{
		alerts: []string{"AuditQuarantineNotEmpty"},
		fault:  "somebody adds a constraint to the audit table that a record violates",
		cure:   "the constraint that auditctl quarantine list names is dropped; auditctl quarantine replay --all",
		inject: func(ctx context.Context) error {
			if err := s.sql(ctx, "ALTER TABLE kubernetes_execution_audit ADD CONSTRAINT "+constraint+" CHECK (action_type <> 'refused') NOT VALID"); err != nil {
				return err
			}
			r := record(uuid.NewString(), "a record that the table refuses")
			r["action_type"] = "refused"
			status, err := s.post(ctx, httpapi.PathRecords, r)
			if err == nil && status != http.StatusCreated {
				err = fmt.Errorf("the API answers %d", status)
			}
			return err
		},
		mend: func(ctx context.Context) error {
			list, err := s.auditctl(ctx, "quarantine", "list", "-o", "json")
			if err == nil && !strings.Contains(list, constraint) {
				err = fmt.Errorf("auditctl quarantine list does not name the constraint: %s", list)
			}
			if dropErr := s.sql(ctx, "ALTER TABLE kubernetes_execution_audit DROP CONSTRAINT IF EXISTS "+constraint); err == nil {
				err = dropErr
			}
			if _, replayErr := s.auditctl(ctx, "quarantine", "replay", "--all"); err == nil {
				err = replayErr
			}
			return err
		},
	}
}

func (s *stage) keyUnknown() trial {
	return trial{
		alerts: []string{"AuditKeyUnknown"},
		also:   []string{"AuditDeliverySlow"},
		fault:  "a key is rotated and promoted at the doors before the worker has it",
		cure:   "the doors' keyset is given to the worker, which reads it by itself",
		inject: func(ctx context.Context) error {
			if _, err := s.keyset(ctx, "rotate", s.doorKeys); err != nil {
				return err
			}
			table, err := s.keyset(ctx, "inspect", "-o", "csv", s.doorKeys)
			if err != nil {
				return err
			}
			lines := strings.Split(strings.TrimSpace(table), "\n")
			id, _, _ := strings.Cut(strings.TrimSpace(lines[len(lines)-1]), ",")
			_, err = s.keyset(ctx, "promote", s.doorKeys, id)
			return err
		},
		mend: func(context.Context) error {
			keys, err := os.ReadFile(s.doorKeys)
			if err != nil {
				return err
			}
			next := s.workerKeys + ".next"
			if err := os.WriteFile(next, keys, 0o600); err != nil {
				return err
			}
			return os.Rename(next, s.workerKeys)
		},
	}
}

func (s *stage) slow() trial {
	var stop context.CancelFunc
	var ended chan error
	return trial{
		alerts: []string{"AuditDeliverySlow"},
		fault:  "the clock of whoever runs executions is five minutes behind",
		cure:   "the clock is put right",
		inject: func(ctx context.Context) error {
			var behind context.Context
			behind, stop = context.WithCancel(ctx)
			ended = make(chan error, 1)
			go func() { ended <- s.late(behind) }()
			return nil
		},
		mend: func(context.Context) error { stop(); return <-ended },
	}
}

// late has two executions a second end five minutes ago, until ctx ends.
func (s *stage) late(ctx context.Context) error {
	tick := time.NewTicker(time.Second / 2)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, err := s.ended(ctx, fmt.Sprint("late-", n), time.Now().Add(-5*time.Minute)); err != nil && ctx.Err() == nil {
			return err
		}
	}
}
