package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"go.temporal.io/sdk/client"
	"k8s.io/apimachinery/pkg/types"

	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/workflows"
)

// A client replays what happened more than a year ago. By then the row is in the
// archive and its partition is gone.
func TestAReplayOfWhatIsOnlyInTheArchiveIsTakenAndLosesNothing(t *testing.T) {
	t.Parallel()
	const partition = "kubernetes_execution_audit_2025_08"
	record := posted(t, fields{"created_at": "2025-08-15T10:00:00Z"})
	first := client8085().post(t, "?wait=persisted", record.json()).want(http.StatusCreated).accepted()
	if first.Partition != partition {
		t.Fatalf("%+v", first)
	}
	runUntil(t, workflows.ScheduleArchive, `EXISTS (SELECT FROM auditflow_manifest WHERE period = '2025_08')`)
	runUntil(t, workflows.ScheduleRetention, `to_regclass('`+partition+`') IS NULL`)
	client8085().get(t, httpapi.PathRecords+"/"+first.ID).want(http.StatusNotFound)

	// While Temporal remembers the delivery, that is the answer.
	again := client8085().post(t, "?wait=persisted", record.json()).want(http.StatusCreated).accepted()
	if again != first {
		t.Errorf("first %+v, again %+v", first, again)
	}
	// Later it does not, as if it were another one: the row is written again.
	later := client8085().post(t, "?wait=persisted", record.json(), "Idempotency-Key", t.Name()).want(http.StatusCreated).accepted()
	if later.ID != first.ID || later.WorkflowID == first.WorkflowID || later.Partition != partition {
		t.Errorf("first %+v, later %+v", first, later)
	}
	if row := theRow(t, patience, types.UID(record.uid())); row.ID != first.ID {
		t.Errorf("row %+v", row)
	}
	// Another record of that execution is told from it even now.
	record["output"] = "something else"
	client8085().post(t, "", record.json()).want(http.StatusConflict)
}

// runUntil triggers a schedule, as an operator does, and waits for what it does.
func runUntil(t *testing.T, schedule, condition string) {
	t.Helper()
	if err := stage.temporal.ScheduleClient().GetHandle(t.Context(), schedule).Trigger(t.Context(), client.ScheduleTriggerOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, healed, schedule, func(ctx context.Context) error {
		var done bool
		if err := stage.db.QueryRow(ctx, "SELECT "+condition).Scan(&done); err != nil {
			return err
		}
		if !done {
			return fmt.Errorf("not yet: %s", condition)
		}
		return nil
	})
}
