package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	sdktemporal "go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/store/archive"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

// trail is a database, a bucket and a Temporal namespace of a test's own, with a
// worker that maintains it.
type trail struct {
	client client.Client
	store  *postgres.Store // as a login that may do what maintenance may
	bucket *archive.Archive
	owner  string // URL of the database for whoever owns it
}

func newTrail(t *testing.T, namespace string) *trail {
	t.Helper()
	tr := &trail{client: newNamespace(t, namespace)}
	database, err := servers.Postgres.NewDatabase(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	tr.owner = database
	tr.store = openAsMaintainer(t, database, strings.ReplaceAll(namespace, "-", "_"))
	tr.bucket, err = archive.Open(t.Context(), archive.Config{URL: "file://" + t.TempDir(), SegmentRows: 40})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.bucket.Close() })
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- worker.RunMaintenance(ctx, tr.client, worker.MaintenanceConfig{Schedules: workflows.Defaults().Schedules()}, &activities.Maintain{
			Partitions: tr.store, Archive: tr.bucket, Deliveries: worker.NewDeliveries(tr.client), ErrorClass: postgres.Class,
			Metrics: activities.NewMaintenanceMetrics(prometheus.NewRegistry(), workflows.Tasks()...),
		}, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return tr
}

func newNamespace(t *testing.T, name string) client.Client {
	t.Helper()
	quiet := sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	namespaces, err := client.NewNamespaceClient(client.Options{HostPort: servers.Temporal.Address, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer namespaces.Close()
	err = namespaces.Register(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.NewLazyClient(client.Options{HostPort: servers.Temporal.Address, Namespace: name, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	eventually(t, "the namespace is known everywhere", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if temporalclient.Prepare(ctx, c, name, workflows.SearchAttributes()) != nil {
			return false
		}
		_, err := worker.NewDeliveries(c).InFlight(ctx, time.Time{}, time.Now())
		return err == nil
	})
	return c
}

func openAsMaintainer(t *testing.T, database, login string) *postgres.Store {
	t.Helper()
	owner, err := postgres.Open(t.Context(), postgres.Config{URL: database})
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	if err := owner.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "CREATE ROLE "+login+" LOGIN IN ROLE auditflow_maintainer"); err != nil {
		t.Fatal(err)
	}
	as, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	as.User = url.User(login)
	store, err := postgres.Open(t.Context(), postgres.Config{URL: as.String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

// append stores n records of a day so many days ago.
func (tr *trail) append(t *testing.T, daysAgo, n int, workflowRef string) []audit.Record {
	t.Helper()
	created := time.Now().UTC().AddDate(0, 0, -daysAgo).Truncate(24 * time.Hour)
	records := make([]audit.Record, n)
	for i := range records {
		uid := fmt.Sprintf("%s-%d-%d-%d", workflowRef, daysAgo, i, time.Now().UnixNano())
		r := audit.Record{
			ID: audit.ID("prod-eu-1", uid), ExecutionID: "scale-web", WorkflowRef: workflowRef, ActionType: "scale-deployment",
			ActionParameters: json.RawMessage(`{"replicas":3}`), TargetNamespace: "prod-web", TargetResourceKind: "Deployment",
			TargetResourceName: "web", Success: true, Output: "scaled", CreatedAt: created.Add(time.Duration(i) * time.Second),
			CompletedAt: created.Add(time.Hour), Phase: "Completed", Cluster: "prod-eu-1", ExecutionNamespace: "kubernaut",
			ExecutionUID: uid, Source: "KubernetesExecution",
		}.Normalise()
		r.RecordSHA256 = r.Digest()
		records[i] = r
	}
	if _, err := tr.store.Append(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	return records
}

// run runs a maintenance workflow now and returns its report.
func (tr *trail) run(t *testing.T, workflow string, policy any) workflows.Report {
	t.Helper()
	report, err := tr.try(t, workflow, policy)
	if err != nil {
		t.Fatalf("%s: %v", workflow, err)
	}
	return report
}

// try is run for one that may fail: its failure has the report as well.
func (tr *trail) try(t *testing.T, workflow string, policy any) (report workflows.Report, err error) {
	t.Helper()
	run, err := tr.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: workflows.QueueMaintenance}, workflow, policy)
	if err != nil {
		t.Fatal(err)
	}
	err = run.Get(t.Context(), &report)
	if failure := new(sdktemporal.ApplicationError); errors.As(err, &failure) && failure.HasDetails() {
		if err := failure.Details(&report); err != nil {
			t.Fatal(err)
		}
	}
	return report, err
}

// alter is what somebody with too many rights does.
func (tr *trail) alter(t *testing.T, sql string, arguments ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), tr.owner)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if tag, err := conn.Exec(t.Context(), sql, arguments...); err != nil || tag.RowsAffected() != 1 {
		t.Fatalf("altered %d rows, %v", tag.RowsAffected(), err)
	}
}

// live are the partitions that there are, by the period they hold.
func (tr *trail) live(t *testing.T) map[string]audit.Partition {
	t.Helper()
	all, err := tr.store.Partitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	live := map[string]audit.Partition{}
	for _, p := range all {
		live[audit.PeriodBetween(p.Period.Start, p.Period.End).Suffix()] = p
	}
	return live
}

// archived are the ids in the archive.
func (tr *trail) archived(t *testing.T) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for row, err := range tr.bucket.Read(t.Context(), time.Time{}, time.Now(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if ids[row.ID] {
			t.Errorf("row %s is in the archive twice", row.ID)
		}
		ids[row.ID] = true
	}
	return ids
}

func suffix(daysAgo int) string {
	return audit.PeriodOf(audit.Monthly, time.Now().AddDate(0, 0, -daysAgo)).Suffix()
}
