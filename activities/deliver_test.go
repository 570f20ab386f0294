package activities_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.temporal.io/sdk/activity"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
)

const (
	workflowID = "default-test-workflow-id" // the test environment's own, not to be changed
	canary     = "glpat-9dK2mQx7RtYw4VbZ1cNp"
)

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
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{store: &memory{rows: map[string]audit.Record{}}, metrics: prometheus.NewRegistry()}
	b.Deliver = &activities.Deliver{
		Sealer: newSealer(t), Redactor: redact.New(), Store: b.store,
		ErrorClass: func(error) string { return "connection" },
		Metrics:    activities.NewMetrics(b.metrics),
	}
	var s testsuite.WorkflowTestSuite
	s.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
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

func TestDeliveredTellsRowsAndCountsAndNothingElse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	redacted := b.redact(t, b.seal(t, seal.Observed, observed("one"), observed("two")))
	done := b.persist(t, redacted)

	want := []audit.Receipt{
		{ID: audit.ID("prod", "one"), Partition: "kubernetes_execution_audit_2020_11", Outcome: audit.OutcomeStored},
		{ID: audit.ID("prod", "two"), Partition: "kubernetes_execution_audit_2020_11", Outcome: audit.OutcomeStored},
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

func TestPersistRefusesWhatRedactDidNotMake(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	envelope := b.seal(t, seal.Observed, observed("one"))
	if failure := b.failure(t, "Persist", envelope); failure.Type() != activities.TypeEnvelope || failure.Type() != "marshal_error" {
		t.Errorf("type %q, want %q", failure.Type(), activities.TypeEnvelope)
	}
	if b.store.calls != 0 {
		t.Errorf("an observed record reached the store, %d times", b.store.calls)
	}
}

func TestAMissingKeyIsNamedSo(t *testing.T) {
	t.Parallel()
	for step, stage := range map[string]seal.Stage{"Redact": seal.Observed, "Persist": seal.Redacted} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			door, b := newBench(t), newBench(t)
			envelope := door.seal(t, stage, observed("one"))
			if failure := b.failure(t, step, envelope); failure.Type() != activities.TypeKeyUnknown || failure.Type() != "key_unknown" {
				t.Errorf("type %q, want %q", failure.Type(), activities.TypeKeyUnknown)
			}
			if b.store.calls != 0 {
				t.Error("the store was called")
			}
		})
	}
}

// quoting is an error whose cause quotes content although its message does not.
type quoting struct{}

func (quoting) Error() string { return "connection refused" }
func (quoting) Unwrap() error { return errors.New("while sending " + canary) }

func TestTheStoresErrorBecomesARetryableFailureOfItsClassWithoutItsCause(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.store.fail = func(context.Context) error { return quoting{} }
	failure := b.failure(t, "Persist", b.redact(t, b.seal(t, seal.Observed, observed("one"))))
	if failure.Type() != "connection" {
		t.Errorf("type %q, want the store's class", failure.Type())
	}
	if got, want := failure.Message(), "append to the store: connection refused"; got != want {
		t.Errorf("message %q, want %q", got, want)
	}
}

func TestAPanicSaysWhereAndNotWhat(t *testing.T) {
	t.Parallel()
	for name, panics := range map[string]func(context.Context) error{
		"with content":   func(context.Context) error { panic("cannot handle " + canary) },
		"with an error":  func(context.Context) error { panic(errors.New(canary)) },
		"by the runtime": func(context.Context) error { var none *memory; return none.fail(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.store.fail = panics
			failure := b.failure(t, "Persist", b.redact(t, b.seal(t, seal.Observed, observed("one"))))
			if failure.Type() != activities.TypePanic {
				t.Errorf("type %q, want %q", failure.Type(), activities.TypePanic)
			}
			where := regexp.MustCompile(`at \S*activities_test\.TestAPanicSaysWhereAndNotWhat\.func\d+:\d+$`)
			if !where.MatchString(failure.Message()) {
				t.Errorf("message %q names no function and line of the one that panicked", failure.Message())
			}
			exposition(t, b.metrics).has(t, `kubernaut_kubernetesexecutor_audit_storage_attempts_total{status="error"} 1`,
				`kubernaut_kubernetesexecutor_audit_storage_attempts_total{status="success"} 0`,
				`kubernaut_kubernetesexecutor_audit_storage_failures_total{error_type="panic"} 1`)
		})
	}
}

func TestAPanicInRedactIsContainedAsWell(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	envelope := b.seal(t, seal.Observed, observed("one"))
	b.Sealer = nil
	failure := b.failure(t, "Redact", envelope)
	if failure.Type() != activities.TypePanic || !strings.Contains(failure.Message(), "/audit/seal.(*Sealer).Open:") {
		t.Errorf("type %q, message %q", failure.Type(), failure.Message())
	}
}

func TestPatienceThatEndsIsATimeout(t *testing.T) {
	t.Parallel()
	t.Run("the store's own", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.store.fail = func(context.Context) error { return fmt.Errorf("acquire: %w", context.DeadlineExceeded) }
		failure := b.failure(t, "Persist", b.redact(t, b.seal(t, seal.Observed, observed("one"))))
		if failure.Type() != activities.TypeTimeout || failure.Type() != "timeout" {
			t.Errorf("type %q, want %q", failure.Type(), activities.TypeTimeout)
		}
	})
	t.Run("Temporal's", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		redacted := b.redact(t, b.seal(t, seal.Observed, observed("one")))
		over, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancel()
		b.env.SetWorkerOptions(worker.Options{BackgroundActivityContext: over})
		b.store.fail = func(ctx context.Context) error { <-ctx.Done(); return fmt.Errorf("append: %w", ctx.Err()) }
		// Nobody waits for the failure any more: the metric is what remains of it.
		if _, err := b.env.ExecuteActivity("Persist", redacted); err == nil {
			t.Error("succeeded past its deadline")
		}
		exposition(t, b.metrics).has(t, `kubernaut_kubernetesexecutor_audit_storage_failures_total{error_type="timeout"} 1`)
	})
}

func TestMetricsAreTheSeedsToTheLetterAndOurs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	late, early, unknown := observed("one"), observed("two"), observed("three")
	late.CompletedAt = time.Now().Add(-2 * time.Hour)
	early.CompletedAt = time.Now().Add(24 * time.Hour) // a clock that is ahead is no negative lag
	unknown.CompletedAt = time.Time{}
	redacted := b.redact(t, b.seal(t, seal.Observed, late, early, unknown))

	b.store.fail = func(context.Context) error { return errors.New("connection refused") }
	if failure := b.failure(t, "Persist", redacted); failure.Type() != "connection" {
		t.Errorf("type %q", failure.Type())
	}
	b.store.fail = nil
	b.persist(t, redacted)
	b.persist(t, redacted) // three duplicates
	other := observed("one")
	other.Output = "other content " + canary
	b.persist(t, b.redact(t, b.seal(t, seal.Observed, other))) // a conflict

	got := exposition(t, b.metrics).steady()
	if got != strings.TrimPrefix(goldenMetrics, "\n") {
		t.Errorf("metrics are\n%s\nwant\n%s", got, goldenMetrics)
	}
}

type metrics string

func exposition(t *testing.T, registry *prometheus.Registry) metrics {
	t.Helper()
	page := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return metrics(page.Body.String())
}

func (m metrics) has(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+string(m), "\n"+line+"\n") {
			name, _, _ := strings.Cut(line, "{")
			t.Errorf("want %s, got %q", line, regexp.MustCompile(`(?m)^`+name+`\W.*$`).FindAllString(string(m), -1))
		}
	}
}

// clock matches what depends on the clock of the machine.
var clock = regexp.MustCompile(`(?m)^(\w+_seconds_sum|\w+_duration_seconds_bucket\{le="[\d.]+"\}) \S+$`)

func (m metrics) steady() string { return clock.ReplaceAllString(string(m), "$1 …") }

// Of the three records, one is two hours late, one early, of one the time is
// not known; their duplicates and the conflict observe no lag and mask nothing.
const goldenMetrics = `
# HELP auditflow_delivery_lag_seconds Time from the completion of an execution, by its own clock, to its committed row
# TYPE auditflow_delivery_lag_seconds histogram
auditflow_delivery_lag_seconds_bucket{le="0.05"} 1
auditflow_delivery_lag_seconds_bucket{le="0.1"} 1
auditflow_delivery_lag_seconds_bucket{le="0.25"} 1
auditflow_delivery_lag_seconds_bucket{le="0.5"} 1
auditflow_delivery_lag_seconds_bucket{le="1"} 1
auditflow_delivery_lag_seconds_bucket{le="2"} 1
auditflow_delivery_lag_seconds_bucket{le="5"} 1
auditflow_delivery_lag_seconds_bucket{le="10"} 1
auditflow_delivery_lag_seconds_bucket{le="30"} 1
auditflow_delivery_lag_seconds_bucket{le="60"} 1
auditflow_delivery_lag_seconds_bucket{le="300"} 1
auditflow_delivery_lag_seconds_bucket{le="1800"} 1
auditflow_delivery_lag_seconds_bucket{le="3600"} 1
auditflow_delivery_lag_seconds_bucket{le="21600"} 2
auditflow_delivery_lag_seconds_bucket{le="86400"} 2
auditflow_delivery_lag_seconds_bucket{le="+Inf"} 2
auditflow_delivery_lag_seconds_sum …
auditflow_delivery_lag_seconds_count 2
# HELP auditflow_records_total Records appended, by outcome: stored, duplicate (same content again), conflict (same id, other content)
# TYPE auditflow_records_total counter
auditflow_records_total{outcome="conflict"} 1
auditflow_records_total{outcome="duplicate"} 3
auditflow_records_total{outcome="stored"} 3
# HELP auditflow_redactions_total Places masked in stored records, by rule
# TYPE auditflow_redactions_total counter
auditflow_redactions_total{rule="gitlab-token"} 6
auditflow_redactions_total{rule="password"} 3
# HELP kubernaut_kubernetesexecutor_audit_storage_attempts_total Total audit storage attempts
# TYPE kubernaut_kubernetesexecutor_audit_storage_attempts_total counter
kubernaut_kubernetesexecutor_audit_storage_attempts_total{status="error"} 1
kubernaut_kubernetesexecutor_audit_storage_attempts_total{status="success"} 3
# HELP kubernaut_kubernetesexecutor_audit_storage_duration_seconds Duration of audit storage operations
# TYPE kubernaut_kubernetesexecutor_audit_storage_duration_seconds histogram
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_bucket{le="0.01"} …
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_bucket{le="0.05"} …
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_bucket{le="0.1"} …
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_bucket{le="0.25"} …
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_bucket{le="0.5"} …
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_bucket{le="1"} …
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_bucket{le="2"} …
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_bucket{le="+Inf"} 4
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_sum …
kubernaut_kubernetesexecutor_audit_storage_duration_seconds_count 4
# HELP kubernaut_kubernetesexecutor_audit_storage_failures_total Total audit storage failures
# TYPE kubernaut_kubernetesexecutor_audit_storage_failures_total counter
kubernaut_kubernetesexecutor_audit_storage_failures_total{error_type="connection"} 1
`
