package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/api/workflow/v1"

	"github.com/auditflow/auditflow/workflows"
)

// breakTable makes the table refuse the row of one execution, and fail with an
// error that quotes the row for another. No other row is concerned. The function
// it returns takes the second fault away; the first goes with the test.
func breakTable(t *testing.T, refused, raised string) (mend func()) {
	t.Helper()
	alter := func(statements ...string) {
		t.Helper()
		err := pgx.BeginFunc(context.Background(), stage.db, func(tx pgx.Tx) error {
			for _, s := range append([]string{"SET LOCAL lock_timeout = '10s'"}, statements...) {
				if _, err := tx.Exec(context.Background(), s); err != nil {
					return fmt.Errorf("%s: %w", s, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const table = "kubernetes_execution_audit"
	unrefuse := "ALTER TABLE " + table + " DROP CONSTRAINT IF EXISTS leak_refuses"
	unraise := "DROP FUNCTION IF EXISTS leak_raises CASCADE"
	t.Cleanup(func() { alter(unrefuse, unraise) })
	alter(unrefuse, unraise, // an earlier run may have been killed
		"ALTER TABLE "+table+" ADD CONSTRAINT leak_refuses CHECK (execution_id <> '"+refused+"') NOT VALID",
		`CREATE FUNCTION leak_raises() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION 'cannot store %', NEW; END $$`,
		"CREATE TRIGGER leak_raises BEFORE INSERT ON "+table+" FOR EACH ROW WHEN (NEW.execution_id = '"+raised+"') EXECUTE FUNCTION leak_raises()")
	return func() { alter(unraise) }
}

// failsInSight has an execution delivered until it has failed on the slow path,
// too.
func failsInSight(t *testing.T, s *sowing, p *plant) {
	t.Helper()
	if err := s.runOne(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	showsPendingPersist(t, s.done[p].UID)
}

// timesOut has an execution delivered while the table is locked, until the fast
// path has given up.
func timesOut(t *testing.T, s *sowing, p *plant) {
	t.Helper()
	tx, err := stage.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tx.Rollback(context.Background()); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
			t.Error(err)
		}
	}()
	if _, err := tx.Exec(t.Context(), "LOCK TABLE kubernetes_execution_audit IN SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	if err := s.runOne(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	id := idOf(s.done[p])
	eventually(t, patience, "the fast path to time out", func(ctx context.Context) error {
		described, err := stage.temporal.DescribeWorkflowExecution(ctx, id, "")
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(described.PendingActivities, isPersist) {
			return fmt.Errorf("pending activities: %v", described.PendingActivities)
		}
		return nil
	})
}

func isPersist(a *workflow.PendingActivityInfo) bool {
	return a.ActivityType.Name == workflows.ActivityPersist
}
