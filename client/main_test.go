package client_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/api/workflowservice/v1"
	temporal "go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/client"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/test/world"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

// One world for all tests, with a worker that has its own eyes on the keyset.
var (
	servers *world.World
	keyset  string
	db      *pgxpool.Pool
	quiet   = slog.New(slog.DiscardHandler)
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if code == 0 && err == nil {
		err = goleak.Find() // the servers are gone by now
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if servers, err = world.Start(ctx, world.Options{Temporal: true, PostgreSQL: true}); err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := servers.Stop(); err == nil {
			err = stopErr
		}
	}()
	if keyset, err = writeKeyset(servers.Dir); err != nil {
		return 1, err
	}
	if db, err = pgxpool.New(ctx, servers.Postgres.URL); err != nil {
		return 1, err
	}
	defer db.Close()
	working, stop := context.WithCancel(context.Background())
	ended, err := startWorker(ctx, working)
	if err != nil {
		stop()
		return 1, err
	}
	code = m.Run()
	stop()
	return code, <-ended
}

// startWorker works until working ends, and says then how it went.
func startWorker(ctx, working context.Context) (<-chan error, error) {
	c, err := temporal.DialContext(ctx, temporal.Options{HostPort: servers.Temporal.Address, Logger: sdklog.NewStructuredLogger(quiet)})
	if err != nil {
		return nil, err
	}
	if err := temporalclient.Prepare(ctx, c, servers.Temporal.Namespace, workflows.SearchAttributes()); err != nil {
		return nil, err
	}
	store, err := postgres.Open(ctx, postgres.Config{URL: servers.Postgres.URL})
	if err != nil {
		return nil, err
	}
	if err := store.Migrate(ctx); err != nil {
		return nil, err
	}
	sealer, err := seal.Load(keyset)
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() {
		defer store.Close()
		defer c.Close()
		ended <- worker.Run(working, c, worker.Config{}, &activities.Deliver{
			Sealer: sealer, Redactor: redact.New(), Store: store,
			ErrorClass: postgres.Class, Metrics: activities.NewMetrics(prometheus.NewRegistry()),
		})
	}()
	return ended, nil
}

// connect is what a program of its own does: a connection and a client.
func connect(t *testing.T, options temporal.Options) (*client.Client, temporal.Client) {
	t.Helper()
	options.HostPort, options.Logger = servers.Temporal.Address, sdklog.NewStructuredLogger(quiet)
	connection, err := temporal.NewLazyClient(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(connection.Close)
	return open(t, client.Config{Temporal: connection, KeysetFile: keyset, Cluster: "prod", Timeout: time.Minute}), connection
}

// register makes a namespace that no worker has prepared.
func register(t *testing.T, name string) {
	t.Helper()
	namespaces, err := temporal.NewNamespaceClient(temporal.Options{HostPort: servers.Temporal.Address, Logger: sdklog.NewStructuredLogger(quiet)})
	if err != nil {
		t.Fatal(err)
	}
	defer namespaces.Close()
	if err := namespaces.Register(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
}

// record is one of an execution of its own.
func record() audit.Record {
	r := rotated()
	r.ExecutionUID = uuid.NewString()
	return r
}

func deliver(t *testing.T, c client.Deliverer, r audit.Record) (client.Delivery, audit.Receipt) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d, err := c.Deliver(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	row, err := d.Wait(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return d, row
}

// stored are the rows of an execution, each as one JSON document, read with SQL
// of the test's own.
func stored(t *testing.T, uid string) []map[string]any {
	t.Helper()
	rows, err := db.Query(t.Context(), `SELECT to_jsonb(a) FROM kubernetes_execution_audit a WHERE execution_uid = $1`, uid)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []map[string]any
	for rows.Next() {
		var row map[string]any
		if err := rows.Scan(&row); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
