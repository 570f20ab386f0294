package temporalclient_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditflow/auditflow/internal/temporalclient"
)

const none = `activity_type="",failure_reason="",operation="",poller_type="",status_code="",`

func TestTheSDKsMetricsHaveFewLabelsAndNoIDs(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	h := temporalclient.Metrics(registry).WithTags(map[string]string{
		"task_queue": "audit-delivery", "workflow_type": "none", "workflow_id": "audit/Job/uid-1", "run_id": "run-1", "namespace": "default",
	})
	h.Counter("temporal_workflow_completed").Inc(2)
	h.WithTags(map[string]string{"workflow_id": "audit/Job/uid-2", "worker_type": "ActivityWorker"}).Gauge("temporal_worker_task_slots_used").Update(3)
	h.Timer("temporal_request_latency").Record(1500 * time.Millisecond)
	want := `
# HELP temporal_worker_task_slots_used Of Temporal's SDK, see its documentation
# TYPE temporal_worker_task_slots_used gauge
temporal_worker_task_slots_used{` + none + `task_queue="audit-delivery",worker_type="ActivityWorker",workflow_type=""} 3
# HELP temporal_workflow_completed_total Of Temporal's SDK, see its documentation
# TYPE temporal_workflow_completed_total counter
temporal_workflow_completed_total{` + none + `task_queue="audit-delivery",worker_type="",workflow_type=""} 2
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "temporal_workflow_completed_total", "temporal_worker_task_slots_used"); err != nil {
		t.Error(err)
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 3 || families[0].GetMetric()[0].GetHistogram().GetSampleSum() != 1.5 {
		t.Errorf("%v: %v", err, families)
	}
}

func TestManyClientsShareTheSeriesFromTheFirstMomentOn(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	h := temporalclient.Metrics(registry)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { h.Counter("temporal_request").Inc(1) })
	}
	group.Wait()
	families, err := registry.Gather()
	if err != nil || families[0].GetMetric()[0].GetCounter().GetValue() != 20 {
		t.Errorf("%v: %v", err, families)
	}
}

func TestANameThatIsTakenHarmsNobody(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "temporal_request_total", Help: "Something else"}))
	h := temporalclient.Metrics(registry)
	h.Counter("temporal_request").Inc(1)
	h.Counter("temporal_request").Inc(1)
	h.Gauge("x").Update(1)
	h.Timer("x").Record(time.Second) // x_seconds
	h.Gauge("x_seconds").Update(1)   // is a histogram already
	if n, err := testutil.GatherAndCount(registry); n != 3 || err != nil {
		t.Errorf("%d series, %v", n, err)
	}
}
