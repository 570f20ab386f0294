package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"go.temporal.io/api/workflowservice/v1"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/test/world"
	"github.com/auditflow/auditflow/workflows"
)

// batchSize makes the controller deliver in batches of so many until the test ends.
func batchSize(t *testing.T, size int) {
	t.Helper()
	before, err := os.ReadFile(stage.product.Controller.Config)
	if err != nil {
		t.Fatal(err)
	}
	restart := func(config string) error {
		return errors.Join(stage.product.Controller.Stop(context.Background()),
			os.WriteFile(stage.product.Controller.Config, []byte(config), 0o600),
			stage.product.Controller.Start(context.Background()))
	}
	t.Cleanup(func() {
		if err := restart(string(before)); err != nil {
			t.Error(err)
		}
	})
	after := strings.Replace(string(before), "audit_batch_size: 1\n", fmt.Sprintf("audit_batch_size: %d\n", size), 1)
	if after == string(before) {
		t.Fatal("the controller's configuration has no audit_batch_size: 1")
	}
	if err := restart(after); err != nil {
		t.Fatal(err)
	}
}

// Not parallel: it stops the controller and the worker.
func TestABurstIsDeliveredInBatchesAndEachExecutionIsMarkedAndFound(t *testing.T) {
	const burst = 200
	if err := errors.Join(stage.product.Controller.Stop(t.Context()), stage.product.Worker.Stop(t.Context())); err != nil {
		t.Fatal(err)
	}
	executions := completeAtOnce(t, burst)
	batchSize(t, 50)
	if err := stage.product.Worker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	batches := map[string]int{}
	for uid, name := range executions {
		got := theRow(t, healed, uid)
		if got.ID != audit.ID(world.Cluster, string(uid)) {
			t.Errorf("%s has row %s", name, got.ID)
		}
		isMarked(t, name, got.ID)
		batches[got.DeliveredBy]++
		isFound(t, got.ID, got.DeliveredBy)
	}
	together := 0
	for id, n := range batches {
		if n > 50 || workflows.IsBatch(id) != (n > 1) {
			t.Errorf("%s delivered %d records", id, n)
		}
		if n > 1 {
			together += n
		}
	}
	if together < burst/2 {
		t.Errorf("%d of %d went together, in %d workflows", together, burst, len(batches))
	}
	t.Logf("%d executions in %d workflows", burst, len(batches))
}

// completeAtOnce returns the names of executions that are over, by UID.
func completeAtOnce(t *testing.T, n int) map[types.UID]types.NamespacedName {
	t.Helper()
	var mu sync.Mutex
	executions := make(map[types.UID]types.NamespacedName, n)
	var group errgroup.Group
	group.SetLimit(16)
	for i := range n {
		group.Go(func() error {
			done, err := stage.executor.Execute(t.Context(), execution(fmt.Sprintf("burst-%d", i)), world.Plan{Refusal: "x"})
			mu.Lock()
			defer mu.Unlock()
			executions[done.UID] = done.Name
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return executions
}

// isFound looks a row up as somebody at the Temporal UI would.
func isFound(t *testing.T, rowID, workflowID string) {
	t.Helper()
	query := fmt.Sprintf("%s = '%s'", workflows.AttributeRecords.GetName(), workflows.ShortID(rowID))
	eventually(t, patience, query, func(ctx context.Context) error {
		list, err := stage.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query})
		if err != nil {
			return err
		}
		for _, found := range list.GetExecutions() {
			if found.GetExecution().GetWorkflowId() == workflowID {
				return nil
			}
		}
		return fmt.Errorf("%d workflows, but not %s", len(list.GetExecutions()), workflowID)
	})
}
