package workflows_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

// Histories are never rewritten: a delivery that a released version began must
// be finished by this one. Each release adds its own, see record_test.go.
const histories = "testdata/histories"

// released are the versions whose workflows may still be running somewhere, and
// the histories that were recorded of each.
var released = map[string][]map[string][]string{
	"v0.1": {deliveries},
	// Between v0.1 and the next one every delivery had two local activities, Redact and Persist.
	"twosteps": {deliveries, batches},
	// What is not released yet may be removed and recorded again when the workflow changes.
	unreleased: {deliveries, batches, maintenances},
}

// deliveries are recorded of each version. The steps are those which did not
// succeed as local activities and went on as regular ones.
var deliveries = map[string][]string{
	"healthy":         nil,
	"redact-retried":  {workflows.ActivityRedact},
	"persist-retried": {workflows.ActivityPersist},
}

// unreleased stands for the next version.
const unreleased = "next"

// batches are recorded of each version from v0.2 on.
var batches = map[string][]string{
	"batch":       nil,
	"batch_apart": {workflows.ActivityRedactEach},
}

// replayer runs workflows under the names a worker gives them. It takes the
// results of activities from the history and needs none of its own.
type replayer struct{ sdkworker.WorkflowReplayer }

func (replayer) RegisterActivityWithOptions(any, activity.RegisterOptions) {}

func newReplayer(t *testing.T, traced ...interceptor.WorkerInterceptor) replayer {
	t.Helper()
	r, err := sdkworker.NewWorkflowReplayerWithOptions(sdkworker.WorkflowReplayerOptions{
		Interceptors:                traced,
		DisableRegistrationAliasing: true, // as in worker.Run: only the names of names.go count
		DisableDeadlockDetection:    true, // a busy machine is no change of the workflow
	})
	if err != nil {
		t.Fatal(err)
	}
	return replayer{r}
}

func TestEveryReleasedHistoryReplays(t *testing.T) {
	t.Parallel()
	everyHistoryReplays(t)
}

// Their headers tell of no trace: those who recorded them had none.
func TestEveryReleasedHistoryReplaysWithTracesOn(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	tracing, err := temporalclient.Tracing(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("all", func(t *testing.T) { everyHistoryReplays(t, tracing) })
	if len(spans.Ended()) == 0 {
		t.Error("nothing was traced")
	}
}

func everyHistoryReplays(t *testing.T, traced ...interceptor.WorkerInterceptor) {
	t.Helper()
	for _, file := range recorded(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			r := newReplayer(t, traced...)
			worker.Register(r, &activities.Deliver{})
			worker.RegisterMaintenance(r, &activities.Maintain{})
			history := read(t, file)
			options := sdkworker.ReplayWorkflowHistoryOptions{} // the id says whether it is a batch
			options.OriginalExecution.ID = history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
			if err := r.ReplayWorkflowHistoryWithOptions(nil, history, options); err != nil {
				t.Errorf("a workflow that began before this change would get stuck; keep the old path behind workflow.GetVersion: %v", err)
			}
		})
	}
}

func TestEveryReleaseHasItsHistories(t *testing.T) {
	t.Parallel()
	var want []string
	for version, kinds := range released {
		for _, kind := range kinds {
			for name := range kind {
				want = append(want, filepath.Join(histories, version+"-"+name+".json"))
			}
		}
	}
	slices.Sort(want)
	if got := recorded(t); !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", histories, got, want)
	}
}

func TestHistoriesShowWhatTheirNamesSay(t *testing.T) {
	t.Parallel()
	for _, file := range recorded(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			_, name, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "-")
			events := read(t, file).GetEvents()
			if last := events[len(events)-1].GetEventType(); last != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED {
				t.Errorf("ends with %s", last)
			}
			var regular []string
			for _, event := range events {
				if event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED {
					regular = append(regular, event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName())
				}
			}
			want, known := deliveries[name]
			if !known {
				want, known = batches[name]
			}
			if !known {
				want, known = maintenances[name]
			}
			if !known || !reflect.DeepEqual(regular, want) {
				t.Errorf("regular activities %q, want %q", regular, want)
			}
		})
	}
}

// recorded are the files there are, sorted; none is a failure.
func recorded(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(histories, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no histories in %s (%v): nothing would be replayed", histories, err)
	}
	return files
}

func read(t *testing.T, file string) *historypb.History {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	history, err := client.HistoryFromJSON(f, client.HistoryJSONOptions{})
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return history
}
