package e2e

import (
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/test/world"
)

func TestACompletedExecutionBecomesOneRowAndIsMarked(t *testing.T) {
	t.Parallel()
	ex := execution("completes")
	done := execute(t, ex, world.Plan{Output: "deployment scaled"})
	got := theRow(t, 20*time.Second, done.UID)
	if got.ID != audit.ID(world.Cluster, string(done.UID)) || got.Phase != "Completed" || !got.Success {
		t.Errorf("row %+v", got)
	}
	if got.ExitCode == nil || *got.ExitCode != 0 || *got.ExitReason != "Completed" {
		t.Errorf("exit code %v (%v)", got.ExitCode, got.ExitReason)
	}
	if want := "audit/KubernetesExecution/" + string(done.UID); got.DeliveredBy != want {
		t.Errorf("delivered by %s, want %s", got.DeliveredBy, want)
	}
	isMarked(t, done.Name, got.ID)
}
