package clienttest_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/client"
	"github.com/auditflow/auditflow/client/clienttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const uid = "0d5c6e6b-2f2e-4c86-9d1c-4f2b6e6a7c11"

func record() audit.Record {
	return audit.Record{
		Source: "Rotation", ExecutionUID: uid, ExecutionID: "rotate", ActionType: "rotate-credentials",
		Success: true, CreatedAt: time.Date(2026, 2, 3, 4, 5, 6, 789_000_001, time.UTC),
	}
}

func deliver(t *testing.T, c *clienttest.Client, r audit.Record) client.Delivery {
	t.Helper()
	d, err := c.Deliver(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func receipt(t *testing.T, d client.Delivery) audit.Receipt {
	t.Helper()
	row, err := d.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func TestARecordIsKeptAsTheDatabaseWouldHaveIt(t *testing.T) {
	t.Parallel()
	c := &clienttest.Client{Cluster: "prod"}
	r := record()
	r.Output = "nul \x00, token ghp_1234567890abcdefghijABCDEFGHIJ123456"
	d := deliver(t, c, r)
	if row := receipt(t, d); row.ID != audit.ID("prod", uid) || row.Outcome != audit.OutcomeStored || row.Partition != "kubernetes_execution_audit_2026_02" {
		t.Errorf("receipt %+v", row)
	}
	row, ok := c.Find(uid)
	if !ok || strings.Contains(row.Output, "ghp_") || !strings.Contains(row.Output, "nul ␀, token [REDACTED:") {
		t.Errorf("output %q", row.Output)
	}
	if len(row.Redactions) != 1 || len(row.Notes) != 2 || row.Policy != redact.New().Version() || row.RecordSHA256 != row.Digest() {
		t.Errorf("redactions %v, notes %v, policy %q, digest %q", row.Redactions, row.Notes, row.Policy, row.RecordSHA256)
	}
	if row.DeliveredBy != "audit/Rotation/"+uid || row.DeliveredBy != d.WorkflowID() || row.ID != d.ID() {
		t.Errorf("delivered by %q, delivery %q of %q", row.DeliveredBy, d.WorkflowID(), d.ID())
	}
}

func TestAPolicyOfTheUsersOwnIsApplied(t *testing.T) {
	t.Parallel()
	own, err := redact.NewWith(redact.Options{Fields: map[string]redact.Class{"target_namespace": redact.Secret}})
	if err != nil {
		t.Fatal(err)
	}
	c, r := &clienttest.Client{Redactor: own}, record()
	r.TargetNamespace = "acquisition"
	deliver(t, c, r)
	if row, _ := c.Find(uid); row.TargetNamespace != "[REDACTED:secret-field]" {
		t.Errorf("namespace %q", row.TargetNamespace)
	}
}

func TestTheSecondDeliveryIsADuplicateOrAConflictAndTheFirstStays(t *testing.T) {
	t.Parallel()
	var c clienttest.Client
	first, again, other := record(), record(), record()
	other.Success = false
	for i, step := range []struct {
		record audit.Record
		want   audit.Outcome
	}{{first, audit.OutcomeStored}, {again, audit.OutcomeDuplicate}, {other, audit.OutcomeConflict}, {again, audit.OutcomeDuplicate}} {
		if row := receipt(t, deliver(t, &c, step.record)); row.Outcome != step.want {
			t.Errorf("delivery %d: %s, want %s", i, row.Outcome, step.want)
		}
	}
	if rows := c.Records(); len(rows) != 1 || !rows[0].Success {
		t.Errorf("rows %+v", rows)
	}
}

func TestAnOutageFailsEveryDeliveryUntilTheLastOneEnds(t *testing.T) {
	t.Parallel()
	var c clienttest.Client
	one, two := c.Outage(), c.Outage()
	one()
	one() // twice is once
	if _, err := c.Deliver(t.Context(), record()); !errors.Is(err, client.ErrUnavailable) || !client.Retriable(err) {
		t.Errorf("error %v", err)
	}
	two()
	receipt(t, deliver(t, &c, record()))
	if len(c.Records()) != 1 {
		t.Errorf("rows %v", c.Records())
	}
}

func TestABacklogTakesRecordsAndCommitsThemWhenItEnds(t *testing.T) {
	t.Parallel()
	var c clienttest.Client
	end := c.Backlog()
	first, second := deliver(t, &c, record()), deliver(t, &c, record())
	if _, ok := c.Find(uid); ok {
		t.Error("the row is there")
	}
	soon, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := first.Wait(soon); !errors.Is(err, client.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	var waiting sync.WaitGroup
	waiting.Go(func() { receipt(t, first) })
	end()
	waiting.Wait()
	if row := receipt(t, second); row.Outcome != audit.OutcomeStored { // it joined the first
		t.Errorf("outcome %s", row.Outcome)
	}
	if _, err := first.Wait(soon); err != nil { // there is nothing to wait for
		t.Error(err)
	}
}

func TestWhatProductionRefusesIsRefused(t *testing.T) {
	t.Parallel()
	var c clienttest.Client
	if _, err := c.Deliver(t.Context(), audit.Record{}); !errors.Is(err, client.ErrInvalid) {
		t.Errorf("error %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := c.Deliver(ended, record()); !errors.Is(err, context.Canceled) || !client.Retriable(err) {
		t.Errorf("error %v", err)
	}
	if len(c.Records()) != 0 {
		t.Errorf("rows %v", c.Records())
	}
}
