package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	temporal "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/client"
	"github.com/auditflow/auditflow/client/clienttest"
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

func TestADeliveredRecordBecomesARowWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	c, _ := connect(t, temporal.Options{})
	r := record()
	d, row := deliver(t, c, r)
	if row.ID != audit.ID("prod", r.ExecutionUID) || row.ID != d.ID() || row.Outcome != audit.OutcomeStored {
		t.Errorf("receipt %+v of %s", row, d.ID())
	}
	rows := stored(t, r.ExecutionUID)
	if len(rows) != 1 || rows[0]["id"] != row.ID || rows[0]["delivered_by"] != d.WorkflowID() {
		t.Fatalf("rows %v", rows)
	}
	text, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "correct-horse") || !strings.Contains(string(text), "[REDACTED:password]") {
		t.Errorf("row %s", text)
	}
}

func TestTheKitStoresWhatProductionStores(t *testing.T) {
	t.Parallel()
	c, _ := connect(t, temporal.Options{})
	kit := &clienttest.Client{Cluster: "prod"}
	r := record()
	r.Output = "nul \x00 and token ghp_1234567890abcdefghijABCDEFGHIJ123456"
	_, genuine := deliver(t, c, r)
	_, imitated := deliver(t, kit, r)
	row, _ := kit.Find(r.ExecutionUID)
	if digest := stored(t, r.ExecutionUID)[0]["record_sha256"]; digest != `\x`+row.RecordSHA256 || imitated != genuine {
		t.Errorf("digest %s, the kit's %s; receipt %+v, the kit's %+v", digest, row.RecordSHA256, genuine, imitated)
	}
}

func TestTwoProgramsThatDeliverTheSameExecutionMakeOneRow(t *testing.T) {
	t.Parallel()
	one, _ := connect(t, temporal.Options{Identity: "one"})
	two, _ := connect(t, temporal.Options{Identity: "two"})
	r := record()
	rows := make(chan audit.Receipt, 20)
	for i := range cap(rows) {
		from := []client.Deliverer{one, two}[i%2]
		t.Run("", func(t *testing.T) {
			t.Parallel()
			_, row := deliver(t, from, r)
			rows <- row
		})
	}
	t.Cleanup(func() {
		close(rows)
		for row := range rows {
			if row.ID != audit.ID("prod", r.ExecutionUID) || row.Outcome != audit.OutcomeStored && row.Outcome != audit.OutcomeDuplicate {
				t.Errorf("receipt %+v", row)
			}
		}
		if n, err := count(r.ExecutionUID); n != 1 || err != nil {
			t.Errorf("%d rows, %v", n, err)
		}
	})
}

func count(uid string) (n int, err error) {
	err = db.QueryRow(context.Background(), `SELECT count(*) FROM kubernetes_execution_audit WHERE execution_uid = $1`, uid).Scan(&n)
	return n, err
}

// scrambler is a codec of the user's, whose key our workers do not have.
type scrambler struct{}

func (scrambler) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	for _, p := range payloads {
		p.Metadata = map[string][]byte{"encoding": []byte("binary/scrambled")}
	}
	return payloads, nil
}

func (scrambler) Decode([]*commonpb.Payload) ([]*commonpb.Payload, error) {
	return nil, errors.New("nobody has the key")
}

func TestTheUsersOwnDataConverterAndNamespaceDoNotMatter(t *testing.T) {
	t.Parallel()
	c, connection := connect(t, temporal.Options{
		Namespace:     "somewhere-else",
		DataConverter: converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), scrambler{}),
	})
	deliver(t, c, record())
	c.Close() // leaves the connection to its owner
	if _, err := connection.CheckHealth(t.Context(), nil); err != nil {
		t.Errorf("the user's connection is closed: %v", err)
	}
}

func TestARecordThatTemporalDoesNotTakeIsTooLargeForEver(t *testing.T) {
	t.Parallel()
	c, _ := connect(t, temporal.Options{})
	for by, output := range map[string]string{
		"the server":     characters(1_300_000),
		"ourselves":      characters(2_800_000), // gRPC would refuse it, and the SDK try again
		"the seal again": strings.Repeat("x", 65<<20),
	} {
		r := record()
		r.Output = output
		if _, err := c.Deliver(t.Context(), r); !errors.Is(err, client.ErrTooLarge) || client.Retriable(err) {
			t.Errorf("refused by %s, %d bytes: %v", by, len(output), err)
		}
	}
}

// characters are n Chinese characters, 3 bytes each, which compress to half.
func characters(n int) string {
	var text strings.Builder
	for range n {
		text.WriteRune(0x4e00 + rand.Int32N(0x5000))
	}
	return text.String()
}

func TestWhereNoWorkerHasPreparedTheNamespaceTryingAgainHelps(t *testing.T) {
	t.Parallel()
	_, connection := connect(t, temporal.Options{})
	fresh := "fresh-" + uuid.NewString()
	register(t, fresh)
	c := open(t, client.Config{Temporal: connection, Namespace: fresh, KeysetFile: keyset, Cluster: "prod", Timeout: 20 * time.Second})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		_, err := c.Deliver(t.Context(), record())
		if !client.Retriable(err) {
			t.Fatalf("error %v", err)
		}
		if strings.Contains(err.Error(), "search attribute") {
			return
		}
		if time.Now().After(deadline) { // a namespace takes a moment to be known
			t.Fatalf("error %v", err)
		}
	}
}

func TestADeliveryThatSomebodyEndedIsToldAndBeginsAnew(t *testing.T) {
	t.Parallel()
	c, connection := connect(t, temporal.Options{})
	r := record()
	id := workflows.DeliveryID(r.Source, r.ExecutionUID)
	// The same execution, on its way to a queue where nobody works.
	_, err := connection.ExecuteWorkflow(t.Context(), temporal.StartWorkflowOptions{
		ID: id, TaskQueue: "nobody", WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
	}, workflows.TypeDeliverAudit, []byte{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Deliver(t.Context(), r) // joins it
	if err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := d.Wait(soon); !errors.Is(err, client.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while it goes on: %v", err)
	}
	if err := connection.TerminateWorkflow(t.Context(), id, "", "test"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Wait(t.Context()); !errors.Is(err, client.ErrEnded) || !client.Retriable(err) {
		t.Errorf("when it has ended: %v", err)
	}
	if _, row := deliver(t, c, r); row.Outcome != audit.OutcomeStored {
		t.Errorf("receipt %+v", row)
	}
}
