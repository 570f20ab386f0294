package activities_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/activity"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
)

const (
	workflowID = "default-test-workflow-id" // the test environment's own, not to be changed
	canary     = "glpat-9dK2mQx7RtYw4VbZ1cNp"
)

// tooLong is a name that the store below does not take.
const tooLong = "a name that is too long"

// memory is a store that can be told to fail.
type memory struct {
	calls int
	rows  map[string]audit.Record
	fail  func(context.Context) error
}

func (m *memory) Append(ctx context.Context, records []audit.Record) ([]audit.Receipt, error) {
	m.calls++
	if m.fail != nil {
		if err := m.fail(ctx); err != nil {
			return nil, err
		}
	}
	receipts := make([]audit.Receipt, len(records))
	for i, r := range records {
		receipts[i] = audit.Receipt{ID: r.ID, Partition: "kubernetes_execution_audit_2020_11", Outcome: audit.OutcomeStored}
		switch row, there := m.rows[r.ID]; {
		case r.ExecutionID == tooLong:
			receipts[i].Outcome = audit.OutcomeQuarantined
		case !there:
			m.rows[r.ID] = r
		case row.RecordSHA256 == r.RecordSHA256:
			receipts[i].Outcome = audit.OutcomeDuplicate
		default:
			receipts[i].Outcome = audit.OutcomeConflict
		}
	}
	return receipts, nil
}

// bench is a worker's activities with their collaborators within reach.
type bench struct {
	*activities.Deliver
	env     *testsuite.TestActivityEnvironment
	store   *memory
	metrics *prometheus.Registry
	warned  *bytes.Buffer // log lines from WARN up, as JSON
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{store: &memory{rows: map[string]audit.Record{}}, metrics: prometheus.NewRegistry(), warned: new(bytes.Buffer)}
	b.Deliver = &activities.Deliver{
		Sealer: newSealer(t), Redactor: redact.New(), Store: b.store,
		ErrorClass: func(error) string { return "connection" },
		Metrics:    activities.NewMetrics(b.metrics),
	}
	var s testsuite.WorkflowTestSuite
	s.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.NewJSONHandler(b.warned, &slog.HandlerOptions{Level: slog.LevelWarn}))))
	b.env = s.NewTestActivityEnvironment()
	b.env.RegisterActivityWithOptions(b.Redact, activity.RegisterOptions{Name: "Redact"})
	b.env.RegisterActivityWithOptions(b.Persist, activity.RegisterOptions{Name: "Persist"})
	return b
}

func newSealer(t *testing.T) *seal.Sealer {
	t.Helper()
	var keyset bytes.Buffer
	path := filepath.Join(t.TempDir(), "keyset.json")
	if err := errors.Join(seal.Generate(&keyset), os.WriteFile(path, keyset.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return sealer
}

// observed is a record as a door sees it: not normalised, not masked.
func observed(uid string) audit.Record {
	created := time.Date(2020, 11, 23, 10, 0, 0, 1234, time.FixedZone("UTC+2", 7200))
	return audit.Record{
		ID: audit.ID("prod", uid), ExecutionID: "scale-web", WorkflowRef: "alert-1", ActionType: "scale",
		ActionParameters: json.RawMessage(`{"replicas": 3, "password": "` + canary + `"}`),
		Output:           "token " + canary + "\x00 and " + canary, Success: true,
		CreatedAt: created, CompletedAt: created.Add(9 * time.Second),
		Phase: "Completed", Cluster: "prod", ExecutionUID: uid, Source: "KubernetesExecution",
	}
}

func (b *bench) seal(t *testing.T, stage seal.Stage, records ...audit.Record) []byte {
	t.Helper()
	envelope, err := b.Sealer.Seal(records, stage, workflowID)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

func (b *bench) redact(t *testing.T, envelope []byte) []byte {
	t.Helper()
	value, err := b.env.ExecuteActivity("Redact", envelope)
	if err != nil {
		t.Fatal(err)
	}
	var redacted []byte
	if err := value.Get(&redacted); err != nil {
		t.Fatal(err)
	}
	return redacted
}

func (b *bench) open(t *testing.T, redacted []byte) []audit.Record {
	t.Helper()
	records, err := b.Sealer.Open(redacted, seal.Redacted, workflowID)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func (b *bench) persist(t *testing.T, redacted []byte) activities.Delivered {
	t.Helper()
	value, err := b.env.ExecuteActivity("Persist", redacted)
	if err != nil {
		t.Fatal(err)
	}
	var done activities.Delivered
	if err := value.Get(&done); err != nil {
		t.Fatal(err)
	}
	return done
}

// failure is what Temporal gets when a step fails, as it comes back from there.
func (b *bench) failure(t *testing.T, step string, envelope []byte) *temporal.ApplicationError {
	t.Helper()
	_, err := b.env.ExecuteActivity(step, envelope)
	var failure *temporal.ApplicationError
	if !errors.As(err, &failure) {
		t.Fatalf("%s: got %v, want an ApplicationError", step, err)
	}
	if failure.NonRetryable() {
		t.Errorf("%s gives up for ever: %v", step, failure)
	}
	if failure.HasDetails() || errors.Unwrap(failure) != nil {
		t.Errorf("%s puts more than a message into history: details or a cause, %v", step, errors.Unwrap(failure))
	}
	if text := fmt.Sprintf("%v %+v", err, failure); strings.Contains(text, canary) {
		t.Errorf("%s puts content into history: %s", step, text)
	}
	return failure
}

func TestRedactGivesNormalisedMaskedDigestedRecordsOfThisWorkflow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	redacted := b.redact(t, b.seal(t, seal.Observed, observed("one"), observed("two")))

	if _, err := b.Sealer.Open(redacted, seal.Observed, workflowID); !errors.Is(err, seal.ErrEnvelope) {
		t.Errorf("the envelope opens as an observed one, too: %v", err)
	}
	if _, err := b.Sealer.Open(redacted, seal.Redacted, workflowID+"2"); !errors.Is(err, seal.ErrEnvelope) {
		t.Errorf("the envelope opens for another workflow: %v", err)
	}
	records := b.open(t, redacted)
	if len(records) != 2 || records[0].ExecutionUID != "one" || records[1].ExecutionUID != "two" {
		t.Fatalf("not the two records in their order: %+v", records)
	}
	for _, r := range records {
		if text := string(audit.CanonicalJSON(r)); strings.Contains(text, canary) || strings.Contains(text, `\u0000`) {
			t.Errorf("not masked or not normalised: %s", text)
		}
		if again := r.Normalise(); !reflect.DeepEqual(again, r) {
			t.Errorf("normalising it again changes it:\n%+v\n%+v", r, again)
		}
		if len(r.Redactions) == 0 || len(r.Notes) == 0 {
			t.Errorf("does not tell what was changed: redactions %v, notes %v", r.Redactions, r.Notes)
		}
		if r.RecordSHA256 != r.Digest() || len(r.RecordSHA256) != 64 {
			t.Errorf("digest %q, want %q", r.RecordSHA256, r.Digest())
		}
		if r.DeliveredBy != workflowID {
			t.Errorf("delivered by %q, want %q", r.DeliveredBy, workflowID)
		}
		if r.Policy != b.Redactor.Version() {
			t.Errorf("redacted with %q, want %q", r.Policy, b.Redactor.Version())
		}
	}
}

func TestTheSameEnvelopeGivesTheSameRecordsAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	envelope := b.seal(t, seal.Observed, observed("one"))
	first, second := b.open(t, b.redact(t, envelope)), b.open(t, b.redact(t, envelope))
	if !reflect.DeepEqual(first, second) || first[0].RecordSHA256 == "" {
		t.Errorf("a retry would make a conflict of its own row:\n%+v\n%+v", first, second)
	}
}

func TestWhatADoorSaysOfThePolicyDoesNotCount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	plain, boastful := observed("one"), observed("one")
	boastful.Policy = strings.Repeat(canary+"\x00", 10)
	records := b.open(t, b.redact(t, b.seal(t, seal.Observed, plain, boastful)))
	if !reflect.DeepEqual(records[0], records[1]) {
		t.Errorf("it makes a difference:\n%+v\n%+v", records[0], records[1])
	}
}

func TestAnotherPolicyThatMasksTheSameMakesADuplicateAndNoConflict(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	envelope := b.seal(t, seal.Observed, observed("one"))
	before, policy := b.redact(t, envelope), b.Redactor.Version()
	var err error
	b.Redactor, err = redact.NewWith(redact.Options{Rules: []redact.Rule{{Name: "badge", Keys: []string{"badge_number"}}}})
	if err != nil {
		t.Fatal(err)
	}
	after := b.redact(t, envelope)
	if b.Redactor.Version() == policy {
		t.Fatal("it is the same policy")
	}
	for _, attempt := range []struct {
		redacted []byte
		policy   string
		outcome  audit.Outcome
	}{
		{before, policy, audit.OutcomeStored}, // by a worker that has the other policy by now
		{after, b.Redactor.Version(), audit.OutcomeDuplicate},
	} {
		done := b.persist(t, attempt.redacted)
		if done.Policy != attempt.policy || done.Rows[0].Outcome != attempt.outcome {
			t.Errorf("delivered with %q: %s; want %q: %s", done.Policy, done.Rows[0].Outcome, attempt.policy, attempt.outcome)
		}
	}
	if row := b.store.rows[audit.ID("prod", "one")]; row.Policy != policy {
		t.Errorf("the row says %q, want %q", row.Policy, policy)
	}
}

func TestAnEnvelopeOfAReleaseThatNotedNoPolicyIsStoredWithoutOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	records := b.open(t, b.redact(t, b.seal(t, seal.Observed, observed("one"))))
	records[0].Policy = ""
	if done := b.persist(t, b.seal(t, seal.Redacted, records...)); done.Policy != "" || done.Rows[0].Outcome != audit.OutcomeStored {
		t.Errorf("%+v", done)
	}
}

func TestDeliveredTellsRowsAndCountsAndNothingElse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	redacted := b.redact(t, b.seal(t, seal.Observed, observed("one"), observed("two")))
	done := b.persist(t, redacted)

	want := []audit.Receipt{
		{ID: audit.ID("prod", "one"), Partition: "kubernetes_execution_audit_2020_11", Outcome: audit.OutcomeStored, Masked: 3},
		{ID: audit.ID("prod", "two"), Partition: "kubernetes_execution_audit_2020_11", Outcome: audit.OutcomeStored, Masked: 3},
	}
	if !reflect.DeepEqual(done.Rows, want) {
		t.Errorf("rows %+v, want %+v", done.Rows, want)
	}
	counts := map[string]int{}
	for _, r := range b.open(t, redacted) {
		for _, masked := range r.Redactions {
			counts[masked.Rule] += masked.Count
		}
	}
	if len(counts) == 0 || !reflect.DeepEqual(done.Redactions, counts) {
		t.Errorf("redactions %v, want those of the records, by rule: %v", done.Redactions, counts)
	}
	if done.Policy == "" || done.Policy != b.Redactor.Version() {
		t.Errorf("policy %q, want %q", done.Policy, b.Redactor.Version())
	}
	text, err := json.Marshal(done)
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{canary, "scale", "alert-1", "prod", "replicas"} {
		if strings.Contains(string(text), content) {
			t.Errorf("the result, which lies in clear, holds %q: %s", content, text)
		}
	}
}
