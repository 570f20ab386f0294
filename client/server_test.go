package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	temporal "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/client"
	"github.com/auditflow/auditflow/client/clienttest"
	"github.com/auditflow/auditflow/workflows"
)

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

func TestARecordThatNoTemporalTakesIsTooLargeForEver(t *testing.T) {
	t.Parallel()
	_, connection := connect(t, temporal.Options{})
	c := open(t, client.Config{Temporal: connection, KeysetFile: keyset, Cluster: "prod", Timeout: 5 * time.Minute}) // it is a lot of work
	for by, output := range map[string]string{
		"gRPC":     characters(2_500_000), // were it sent, the SDK would try again and again
		"the seal": strings.Repeat("x", 65<<20),
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
