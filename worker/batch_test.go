package worker_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

// batchDoor is a door with a namespace of its own, and what a worker needs.
type batchDoor struct {
	*workflows.Batcher
	client   client.Client
	sealer   *seal.Sealer
	redactor *redact.Redactor
}

func newBatchDoor(t *testing.T, namespace string, cfg workflows.BatchConfig) *batchDoor {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyset.json")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := seal.Generate(file); err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	d := &batchDoor{client: newNamespace(t, namespace), redactor: redact.New()}
	if d.sealer, err = seal.Load(path); err != nil {
		t.Fatal(err)
	}
	d.Batcher = workflows.NewBatcher(&workflows.Starter{Client: d.client, Sealer: d.sealer, Redactor: d.redactor}, cfg)
	return d
}

// work runs a worker with a database of its own until the test ends.
func (d *batchDoor) work(t *testing.T) {
	t.Helper()
	stop, ended := d.workWith(t, newStore(t))
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func newStore(t *testing.T) *postgres.Store {
	t.Helper()
	database, err := servers.Postgres.NewDatabase(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	store, err := postgres.Open(t.Context(), postgres.Config{URL: database})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

// workWith runs a worker until it is asked to stop, which it has done once ended
// says how.
func (d *batchDoor) workWith(t *testing.T, store activities.Appender) (stop func(), ended <-chan error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- worker.Run(ctx, d.client, worker.Config{}, &activities.Deliver{
			Sealer: d.sealer, Redactor: redact.New(), Store: store, ErrorClass: postgres.Class,
			Metrics: activities.NewMetrics(prometheus.NewRegistry()),
		})
	}()
	return stop, done
}

func (d *batchDoor) count(t *testing.T, query string) int64 {
	t.Helper()
	answer, err := d.client.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetCount()
}

// days are records of executions that were created a day apart; each has as many
// passwords as its number says.
func days(n int) []audit.Record {
	records := make([]audit.Record, n)
	for i := range records {
		created := time.Date(2026, 3, 1+i, 12, 0, 0, 0, time.UTC)
		records[i] = audit.Record{
			ID: audit.ID("prod", fmt.Sprint("day-", i)), ExecutionUID: fmt.Sprint("day-", i), ExecutionID: fmt.Sprint("scale-", i),
			ActionType: []string{"scale-deployment", "restart-pod"}[min(i, 1)], TargetNamespace: "shop", Success: true, Phase: "Completed",
			Output: strings.Repeat("password=hunter2hunter2\n", i), CreatedAt: created, CompletedAt: created, Cluster: "prod", Source: "KubernetesExecution",
		}
	}
	return records
}

func started(t *testing.T, all []workflows.Started) []workflows.Delivery {
	t.Helper()
	deliveries := make([]workflows.Delivery, len(all))
	for i, s := range all {
		if s.Err != nil {
			t.Fatalf("record %d: %v", i, s.Err)
		}
		deliveries[i] = s.Delivery
	}
	return deliveries
}

func TestABatchIsOneWorkflowAndEachRecordHearsOfItsOwnRow(t *testing.T) {
	t.Parallel()
	d, records := newBatchDoor(t, "batch", workflows.BatchConfig{Wait: time.Minute}), days(5)
	deliveries := started(t, d.StartAll(t.Context(), records))
	for i, again := range started(t, d.StartAll(t.Context(), records)) {
		if again.ID() != deliveries[0].ID() || !again.Joined() || deliveries[i].Joined() || !workflows.IsBatch(again.ID()) {
			t.Errorf("record %d: started as %s, again as %s (joined: %t)", i, deliveries[i].ID(), again.ID(), again.Joined())
		}
	}
	other := days(5)
	other[2].Output = "another"
	if id := started(t, d.StartAll(t.Context(), other))[0].ID(); id == deliveries[0].ID() {
		t.Errorf("a batch with another record is %s, too", id)
	}

	d.work(t)
	var wait sync.WaitGroup
	for i, delivery := range deliveries {
		wait.Go(func() {
			done, err := delivery.Wait(t.Context())
			if err != nil || len(done.Rows) != 1 || done.Rows[0].ID != records[i].ID || done.Masked() != i || done.Policy == "" {
				t.Errorf("record %d: %+v, %v", i, done, err)
			}
		})
	}
	wait.Wait()
}

func TestEveryRecordOfABatchIsFoundBySearch(t *testing.T) {
	t.Parallel()
	d, records := newBatchDoor(t, "batch-search", workflows.BatchConfig{Size: workflows.MaxBatchRecords, Wait: time.Minute}), days(workflows.MaxBatchRecords+1)
	id := started(t, d.StartAll(t.Context(), records[:workflows.MaxBatchRecords]))[0].ID() // the largest that Temporal must take
	lone := started(t, d.StartAll(t.Context(), records[len(records)-1:]))[0].ID()
	for _, i := range []int{0, 77, len(records) - 2, len(records) - 1} {
		query := fmt.Sprintf("AuditRecords = '%s'", workflows.ShortID(records[i].ID))
		want := id
		if i == len(records)-1 {
			want = lone
		}
		eventually(t, query+" is "+want, func() bool {
			list, err := d.client.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: query})
			return err == nil && len(list.GetExecutions()) == 1 && list.GetExecutions()[0].GetExecution().GetWorkflowId() == want
		})
	}
	eventually(t, "what all agree on is found", func() bool { return d.count(t, "AuditNamespace = 'shop' AND AuditSuccess = true") == 2 })
	if n := d.count(t, "AuditAction IS NOT NULL"); n != 1 {
		t.Errorf("%d workflows have one action, want the lone record's", n)
	}

	inFlight := worker.NewDeliveries(d.client)
	for name, tc := range map[string]struct {
		from, to int // days
		want     int64
	}{
		"before its first record": {-1, 0, 0}, "its first": {0, 1, 1}, "between two of them": {50, 51, 1},
		"all of it": {-1, 200, 2}, "its last": {len(records) - 2, len(records) - 1, 1}, "after its last": {len(records), 200, 0},
	} {
		start := records[0].CreatedAt
		n, err := inFlight.InFlight(t.Context(), start.AddDate(0, 0, tc.from), start.AddDate(0, 0, tc.to))
		if err != nil || n != tc.want {
			t.Errorf("%s: %d in flight, %v, want %d", name, n, err, tc.want)
		}
	}
}

func TestABatchThatTemporalWouldNotTakeGoesRecordByRecord(t *testing.T) {
	t.Parallel()
	d, records := newBatchDoor(t, "batch-refused", workflows.BatchConfig{Wait: time.Minute, Bytes: 64 << 20}), days(3)
	noise := make([]byte, 3<<20)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise)
	for i := range noise {
		noise[i] = '!' + noise[i]%90
	}
	records[1].Output = string(noise) // more than Temporal takes, packed or not
	for i, s := range d.StartAll(t.Context(), records) {
		if refused := s.Err != nil; refused != (i == 1) {
			t.Errorf("record %d: %v", i, s.Err)
		}
		if s.Err == nil && s.Delivery.ID() != workflows.DeliveryOfRecord(records[i]) {
			t.Errorf("record %d started as %s", i, s.Delivery.ID())
		}
	}
}
