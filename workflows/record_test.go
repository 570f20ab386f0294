package workflows_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/test/world"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

// With a version to record, say
//
//	go test ./workflows -record v0.2
//
// the histories of a release are written, on a real server and with the real
// worker, before the tests run. They must not change after the release.
var record = flag.String("record", "", "record the histories of this version first (needs bin/temporal)")

func TestMain(m *testing.M) {
	flag.Parse()
	if *record != "" {
		if err := recordHistories(*record); err != nil {
			fmt.Fprintln(os.Stderr, "record histories:", err)
			os.Exit(1)
		}
	}
	// A test environment of the SDK leaves activities behind that are still running,
	// or to be tried again, at their workflow's end.
	const environment = "go.temporal.io/sdk/internal.(*testWorkflowEnvironmentImpl)."
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction(environment+"executeActivityWithRetryForTest"),
		goleak.IgnoreTopFunction(environment+"ExecuteActivity.func2"))
}

func recordHistories(version string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	w, err := world.Start(ctx, world.Options{Temporal: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Stop()) }()
	c, err := client.Dial(client.Options{
		HostPort: w.Temporal.Address, Identity: "recorder", Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := temporalclient.Prepare(ctx, c, w.Temporal.Namespace, workflows.SearchAttributes()); err != nil {
		return err
	}
	for delivery := range deliveries {
		history, err := (&recorder{client: c}).record(ctx, delivery)
		if err != nil {
			return fmt.Errorf("%s: %w", delivery, err)
		}
		if err := write(filepath.Join(histories, version+"-"+delivery+".json"), history); err != nil {
			return err
		}
	}
	for name := range batches {
		history, err := (&recorder{client: c}).batch(ctx, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := write(filepath.Join(histories, version+"-"+name+".json"), history); err != nil {
			return err
		}
	}
	for name := range maintenances {
		history, err := (&recorder{client: c}).maintain(ctx, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := write(filepath.Join(histories, version+"-"+name+".json"), history); err != nil {
			return err
		}
	}
	return nil
}

// recorder is a door, and workers one after the other.
type recorder struct {
	client client.Client
	// failing is how many appends fail.
	failing atomic.Int32
}

// Append is a store that comes back after a while.
func (r *recorder) Append(_ context.Context, records []audit.Record) ([]audit.Receipt, error) {
	if r.failing.Add(-1) >= 0 {
		return nil, errors.New("connection refused")
	}
	receipts := make([]audit.Receipt, len(records))
	for i, stored := range records {
		receipts[i] = audit.Receipt{ID: stored.ID, Partition: "kubernetes_execution_audit_2026_11", Outcome: audit.OutcomeStored}
	}
	return receipts, nil
}

func (r *recorder) record(ctx context.Context, delivery string) (*historypb.History, error) {
	key, err := throwaway()
	if err != nil {
		return nil, err
	}
	door := workflows.Starter{Client: r.client, Sealer: key, Redactor: redact.New()}
	started, err := door.Start(ctx, execution(delivery))
	if err != nil {
		return nil, err
	}
	switch delivery {
	case "persist-retried":
		r.failing.Store(4) // one with Redact, one local, two regular attempts
	case "redact-retried": // the worker has not got the door's key until it is restarted with it
		other, err := throwaway()
		if err != nil {
			return nil, err
		}
		retried := func() error { return r.awaitRetry(ctx, started.ID()) }
		if err := r.work(ctx, other, retried); err != nil {
			return nil, err
		}
	}
	committed := func() error { _, err := started.Wait(ctx); return err }
	if err := r.work(ctx, key, committed); err != nil {
		return nil, err
	}
	return r.history(ctx, started.ID())
}

// work runs a worker with this key until the condition holds.
func (r *recorder) work(ctx context.Context, key *seal.Sealer, condition func() error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	worked := make(chan error, 1)
	go func() {
		worked <- worker.Run(ctx, r.client, worker.Config{}, &activities.Deliver{
			Sealer: key, Redactor: redact.New(), Store: r,
			ErrorClass: func(error) string { return "connection" },
			Metrics:    activities.NewMetrics(prometheus.NewRegistry()),
		})
	}()
	err := condition()
	stop()
	return errors.Join(err, <-worked)
}

// awaitRetry returns when a regular activity has failed once.
func (r *recorder) awaitRetry(ctx context.Context, id string) error {
	for {
		d, err := r.client.DescribeWorkflowExecution(ctx, id, "")
		if err != nil {
			return err
		}
		if pending := d.GetPendingActivities(); len(pending) == 1 && pending[0].GetAttempt() > 1 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (r *recorder) history(ctx context.Context, id string) (*historypb.History, error) {
	h := &historypb.History{}
	events := r.client.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return nil, err
		}
		if queue := event.GetWorkflowTaskScheduledEventAttributes().GetTaskQueue(); queue.GetKind() == enumspb.TASK_QUEUE_KIND_STICKY {
			queue.Name = "recorder" // not the machine's name
		}
		h.Events = append(h.Events, event)
	}
	return h, nil
}

// write keeps a history in the form of the Temporal CLI. It does not replace
// one: what is released stays as it is.
func write(path string, history *historypb.History) error {
	packed, err := protojson.Marshal(history)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, packed, "", "  "); err != nil { // protojson varies its own spacing
		return err
	}
	text.WriteByte('\n')
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = text.WriteTo(file)
	return errors.Join(err, file.Close())
}

func throwaway() (*seal.Sealer, error) {
	dir, err := os.MkdirTemp("", "keyset")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var keyset bytes.Buffer
	path := filepath.Join(dir, "keyset.json")
	if err := errors.Join(seal.Generate(&keyset), os.WriteFile(path, keyset.Bytes(), 0o600)); err != nil {
		return nil, err
	}
	return seal.Load(path)
}

// execution is a record as the controller makes it.
func execution(uid string) audit.Record {
	created := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	return audit.Record{
		ID: audit.ID("prod-eu-1", uid), ExecutionID: "scale-web", WorkflowRef: "alert-12345-workflow", ActionType: "scale-deployment",
		ActionParameters: json.RawMessage(`{"replicas":3,"password":"correct horse battery staple"}`),
		TargetNamespace:  "prod-web", TargetResourceKind: "Deployment", TargetResourceName: "web",
		Success: true, Output: "scaled", CreatedAt: created, CompletedAt: created.Add(9 * time.Second),
		Phase: "Completed", Cluster: "prod-eu-1", ExecutionNamespace: "kubernaut", ExecutionUID: uid, Source: "KubernetesExecution",
	}
}
