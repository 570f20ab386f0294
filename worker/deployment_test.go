package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

const deploymentName = "auditflow"

// release runs a worker that is a version, until it is stopped, and returns once
// it is known whether that version is current.
func (d *batchDoor) release(t *testing.T, buildID string, store activities.Appender) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	version := worker.Deployment{Name: deploymentName, BuildID: buildID}
	go func() {
		ended <- worker.Run(ctx, d.client, worker.Config{Deployment: version}, &activities.Deliver{
			Sealer: d.sealer, Redactor: redact.New(), Store: store, ErrorClass: postgres.Class,
			Metrics: activities.NewMetrics(prometheus.NewRegistry()),
		})
	}()
	version.Announce(t.Context(), d.client, slog.New(slog.DiscardHandler))
	stopped := false
	stop = func() {
		if cancel(); !stopped {
			stopped = true
			if err := <-ended; err != nil {
				t.Errorf("worker of %s: %v", buildID, err)
			}
		}
	}
	t.Cleanup(stop)
	return stop
}

// promote makes a version current, as an operator does, once it polls.
func (d *batchDoor) promote(t *testing.T, buildID string) {
	t.Helper()
	eventually(t, buildID+" is current", func() bool {
		_, err := d.client.WorkerDeploymentClient().GetHandle(deploymentName).
			SetCurrentVersion(t.Context(), client.WorkerDeploymentSetCurrentVersionOptions{BuildID: buildID})
		return err == nil
	})
}

// by says which version did what a workflow has last done.
func (d *batchDoor) by(t *testing.T, id string) string {
	t.Helper()
	is, err := d.client.DescribeWorkflowExecution(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	return is.GetWorkflowExecutionInfo().GetVersioningInfo().GetDeploymentVersion().GetBuildId()
}

// deliveredBy returns the version that delivered the record.
func (d *batchDoor) deliveredBy(t *testing.T, r audit.Record) string {
	t.Helper()
	delivery := started(t, d.StartAll(t.Context(), []audit.Record{r}))[0]
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := delivery.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	return d.by(t, delivery.ID())
}

// away is a store that does not answer, and tells when it was asked.
type away struct{ asked chan struct{} }

func (a away) Append(context.Context, []audit.Record) ([]audit.Receipt, error) {
	select {
	case a.asked <- struct{}{}:
	default:
	}
	return nil, errors.New("connection refused")
}

func TestDeliveriesGoToTheCurrentVersionThereAndBack(t *testing.T) {
	t.Parallel()
	d, records, store := newBatchDoor(t, "deployment", workflows.BatchConfig{Wait: time.Minute}), days(5), newStore(t)
	stopOld := d.release(t, "v1", store)
	if by := d.deliveredBy(t, records[0]); by != "v1" {
		t.Errorf("with the first version, which makes itself current: by %q", by)
	}

	d.release(t, "v2", store)
	if by := d.deliveredBy(t, records[1]); by != "v1" {
		t.Errorf("before anybody has promoted the second: by %q", by)
	}
	d.promote(t, "v2")
	if by := d.deliveredBy(t, records[2]); by != "v2" {
		t.Errorf("promoted: by %q", by)
	}
	d.promote(t, "v1")
	if by := d.deliveredBy(t, records[3]); by != "v1" {
		t.Errorf("rolled back: by %q", by)
	}

	d.promote(t, "v2")
	stopOld()
	if by := d.deliveredBy(t, records[4]); by != "v2" {
		t.Errorf("the first is gone: by %q", by)
	}
}

func TestADeliveryThatWaitsGoesOnWithTheVersionThatReplacedItsOwn(t *testing.T) {
	t.Parallel()
	d, broken := newBatchDoor(t, "deployment-waiting", workflows.BatchConfig{Wait: time.Minute}), away{make(chan struct{}, 1)}
	stopOld := d.release(t, "v1", broken)
	delivery := started(t, d.StartAll(t.Context(), days(1)))[0]
	<-broken.asked

	d.release(t, "v2", newStore(t))
	d.promote(t, "v2")
	stopOld()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done, err := delivery.Wait(ctx)
	if err != nil || len(done.Rows) != 1 || d.by(t, delivery.ID()) != "v2" {
		t.Errorf("%+v by %q, %v", done, d.by(t, delivery.ID()), err)
	}
}
