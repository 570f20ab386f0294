package client_test

import (
	"bytes"
	"errors"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	temporal "go.temporal.io/sdk/client"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/client"
)

// writeKeyset writes a keyset and returns its path.
func writeKeyset(dir string) (path string, err error) {
	var text bytes.Buffer
	if err := seal.Generate(&text); err != nil {
		return "", err
	}
	path = filepath.Join(dir, "keyset.json")
	return path, os.WriteFile(path, text.Bytes(), 0o600)
}

// open opens a client that is closed with the test.
func open(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// nowhere is a Temporal that takes connections and does not answer.
func nowhere(t *testing.T) temporal.Client {
	t.Helper()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := temporal.NewLazyClient(temporal.Options{HostPort: silent.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); _ = silent.Close() })
	return c
}

func TestAllFaultsOfAConfigurationComeAtOnceWithTheirFields(t *testing.T) {
	t.Parallel()
	_, err := client.New(client.Config{
		Cluster: strings.Repeat("c", 254), Timeout: -1, KeysetFile: "/absent.json", KeysetKMSCAFile: "ca.pem", RedactionPolicyFile: "/absent.yaml",
	})
	if err == nil {
		t.Fatal("is not refused")
	}
	for _, fault := range []string{
		"temporal: is required", "cluster: is 254 bytes long, at most 253", "timeout: must not be negative",
		"keyset_file: load keyset: open /absent.json", "keyset_kms_ca_file: is for keyset_kms_uri", "redaction_policy_file: open /absent.yaml",
	} {
		if !strings.Contains(err.Error(), fault) {
			t.Errorf("does not tell %q:\n%v", fault, err)
		}
	}
	_, err = client.New(client.Config{})
	if err == nil || !strings.Contains(err.Error(), "keyset_file: is required") || !strings.Contains(err.Error(), "cluster: is required") {
		t.Errorf("error %v", err)
	}
}

func TestAllFaultsOfARecordComeAtOnceAndNoneQuotesIt(t *testing.T) {
	t.Parallel()
	c := open(t, client.Config{Temporal: nowhere(t), KeysetFile: keyset, Cluster: "prod"})
	negative := -time.Second
	const content = "hunter"
	_, err := c.Deliver(t.Context(), audit.Record{
		ID: content, Cluster: content, Source: "a " + content, ExecutionUID: content, ActionParameters: []byte("{" + content),
		StepIndex: -1, RetryCount: -1, MaxRetries: -1, Duration: &negative, EndTime: time.Unix(math.MaxInt32*1000, 0),
		Redactions: []audit.Redaction{{Rule: content}}, Notes: []audit.Note{{Change: content}},
		RecordSHA256: content, DeliveredBy: content, Policy: content,
	})
	if !errors.Is(err, client.ErrInvalid) || client.Retriable(err) || strings.Contains(err.Error(), content) {
		t.Fatalf("error %v", err)
	}
	for _, field := range []string{
		"id", "cluster", "source", "execution_uid", "execution_id", "action_type", "action_parameters", "step_index", "retry_count",
		"max_retries", "duration", "created_at", "end_time", "redactions", "notes", "record_sha256", "delivered_by", "policy",
	} {
		if strings.Count(err.Error(), "\n"+field+": ") != 1 {
			t.Errorf("does not tell %s once:\n%v", field, err)
		}
	}
}

func TestWithoutTemporalEveryDeliveryFailsInTimeAndMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	const timeout = 300 * time.Millisecond
	c := open(t, client.Config{Temporal: nowhere(t), KeysetFile: keyset, Cluster: "prod", Timeout: timeout})
	began := time.Now()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := c.Deliver(t.Context(), rotated())
			if !errors.Is(err, client.ErrUnavailable) || !client.Retriable(err) {
				t.Errorf("error %v", err)
			}
		})
	}
	all.Wait()
	if took := time.Since(began); took > 10*timeout { // not one after the other
		t.Errorf("took %s", took)
	}
}

func TestAClosedClientDeliversNothing(t *testing.T) {
	t.Parallel()
	c := open(t, client.Config{Temporal: nowhere(t), KeysetFile: keyset, Cluster: "prod"})
	c.Close()
	c.Close()
	if _, err := c.Deliver(t.Context(), rotated()); !errors.Is(err, client.ErrClosed) || client.Retriable(err) {
		t.Errorf("error %v", err)
	}
	if client.Retriable(nil) {
		t.Error("nil is worth another try")
	}
}

func TestARecordOfAnObjectHasWhatIdentifiesIt(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 2, 3, 4, 5, 6, 0, time.FixedZone("elsewhere", 3600))
	var object metav1.Object = &metav1.ObjectMeta{Namespace: "shop", Name: "backup-7", UID: "7c0f4b52-5f63-4f0a-9f0e-0f0f3f8c6a01", CreationTimestamp: metav1.NewTime(created)}
	r := client.NewRecord("Backup", object)
	if r.ExecutionUID != string(object.GetUID()) || r.ExecutionID != "backup-7" || r.ExecutionNamespace != "shop" || r.Source != "Backup" {
		t.Errorf("record %+v", r)
	}
	if !r.CreatedAt.Equal(created) || r.CreatedAt.Location() != time.UTC {
		t.Errorf("created %s", r.CreatedAt)
	}
}
