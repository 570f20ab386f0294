package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/test/world"
	"github.com/auditflow/auditflow/workflows"
)

// The worker in the controller's process takes first tasks with the answers to
// the starts. What it took it finishes: it is the controller that stops first.
func TestOneProcessThatIsControllerAndWorkerDeliversEagerlyAndDrains(t *testing.T) {
	nothing := func(context.Context) error { return nil }
	apart := during(t, "apart", 25, nothing)
	eachHasOneRow(t, apart)
	asOneProcess(t)
	tellsOfBoth(t)
	asOne := during(t, "as-one", 25, nothing)
	eachHasOneRow(t, asOne)
	later := asOne[len(asOne)/2:] // the worker polls a moment after it is ready
	eager := 0
	for _, c := range later {
		if historyOf(t, c).eager {
			eager++
		}
	}
	if eager < len(later)*3/4 { // others may have found it busy
		t.Errorf("%d of %d deliveries started eagerly", eager, len(later))
	}
	t.Logf("%d of %d started eagerly; a delivery takes %s (p50), with processes of their own %s",
		eager, len(later), medianTime(t, later), medianTime(t, apart))

	stopped := during(t, "as-one-stopped", 25, func(ctx context.Context) error {
		for range 2 {
			pause(t, time.Second)
			if err := stage.product.Stop(ctx); err != nil {
				return err
			}
			workerStoppedLast(t)
			if err := stage.product.Start(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	eachHasOneRow(t, stopped)
}

// workerStoppedLast looks into the log of a process that has just ended.
func workerStoppedLast(t *testing.T) {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(stage.LogDir(), "controller.log"))
	if err != nil {
		t.Fatal(err)
	}
	manager := bytes.LastIndex(log, []byte(`"Wait completed, proceeding to shutdown the manager"`))
	worker := bytes.LastIndex(log, []byte(`"Stopped Worker","Namespace":"default","TaskQueue":"audit-delivery"`))
	if manager < 0 || worker < manager {
		t.Errorf("the worker stopped before the controller had: %d, %d", worker, manager)
	}
}

// asOneProcess replaces the product for the rest of the test.
func asOneProcess(t *testing.T) {
	t.Helper()
	apart := stage.product
	if err := apart.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	stage.product = apart.Embedded()
	t.Cleanup(func() {
		if err := stage.product.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		stage.product = apart
		mend()
	})
	if err := stage.product.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// tellsOfBoth checks that one address has the metrics of both.
func tellsOfBoth(t *testing.T) {
	t.Helper()
	res, err := http.Get(stage.product.Controller.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kubernaut_kubernetesexecutor_pending_audit_records", "auditflow_records_total", "auditflow_partition_runway_seconds", "go_goroutines"} {
		if !strings.Contains(string(text), "\n"+name) {
			t.Errorf("metrics do not tell %s", name)
		}
	}
}

// told is what a history tells of a delivery.
type told struct {
	eager bool // the first task came with the answer to the start
	took  time.Duration
}

func historyOf(t *testing.T, c world.Completion) (h told) {
	t.Helper()
	events := stage.temporal.GetWorkflowHistory(t.Context(), workflows.DeliveryID(v1.Kind, string(c.UID)), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	var began time.Time
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		if started := event.GetWorkflowExecutionStartedEventAttributes(); started != nil {
			h.eager, began = started.GetEagerExecutionAccepted(), event.EventTime.AsTime()
		}
		h.took = event.EventTime.AsTime().Sub(began)
	}
	return h
}

func medianTime(t *testing.T, completions []world.Completion) string {
	t.Helper()
	var all []time.Duration
	for _, c := range completions {
		all = append(all, historyOf(t, c).took)
	}
	slices.Sort(all)
	return fmt.Sprintf("%.1f ms", all[len(all)/2].Seconds()*1000)
}
