package activities_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/seal"
)

// through is Redact when it may append, too.
func (b *bench) through(t *testing.T, envelope []byte) (redacted []byte, done activities.Delivered, through bool) {
	t.Helper()
	value, err := b.env.ExecuteActivity("Redact", envelope, true)
	if err != nil {
		t.Fatal(err)
	}
	var passed converter.RawValue
	if err := value.Get(&passed); err != nil {
		t.Fatal(err)
	}
	redacted, done, through, err = activities.Passed(passed)
	if err != nil {
		t.Fatal(err)
	}
	return redacted, done, through
}

func TestAHealthyDeliveryRedactsAndAppendsInOneStep(t *testing.T) {
	t.Parallel()
	once, twice := newBench(t), newBench(t)
	one, two := observed("one"), observed("two")
	redacted, done, through := once.through(t, once.seal(t, seal.Observed, one, two))
	if !through || redacted != nil {
		t.Fatalf("through %t, an envelope of %d bytes", through, len(redacted))
	}
	other := twice.persist(t, twice.redact(t, twice.seal(t, seal.Observed, one, two)))
	if !reflect.DeepEqual(done, other) {
		t.Errorf("%+v, and in two steps %+v", done, other)
	}
	if len(once.store.rows) != 2 {
		t.Fatalf("%d rows", len(once.store.rows))
	}
	for id, row := range once.store.rows {
		if in := twice.store.rows[id]; row.Digest() != in.Digest() || row.RecordSHA256 != in.RecordSHA256 || row.DeliveredBy != in.DeliveredBy {
			t.Errorf("%s is another row than in two steps", id)
		}
	}
}

func TestWhatCannotBeAppendedAtOnceIsSealedForPersist(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(context.Context) error{
		"refused":  func(context.Context) error { return errors.New("connection refused") },
		"panicked": func(context.Context) error { panic("a nil map") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.store.fail = fail
			redacted, _, through := b.through(t, b.seal(t, seal.Observed, observed("one")))
			if through {
				t.Fatal("it says that the row is there")
			}
			b.store.fail = nil
			if done := b.persist(t, redacted); len(done.Rows) != 1 || done.Rows[0].Outcome != audit.OutcomeStored {
				t.Errorf("%+v", done)
			}
			exposition(t, b.metrics).has(t,
				`kubernaut_kubernetesexecutor_audit_storage_attempts_total{status="error"} 1`,
				`kubernaut_kubernetesexecutor_audit_storage_attempts_total{status="success"} 1`)
		})
	}
}

// A database that does not answer must not cost the redaction as well.
func TestAnAttemptKeepsTimeToSealWhatItHasRedacted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	b.env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	b.store.fail = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	if redacted, _, through := b.through(t, b.seal(t, seal.Observed, observed("one"))); through || len(redacted) == 0 {
		t.Errorf("through %t, an envelope of %d bytes", through, len(redacted))
	}
	if ctx.Err() != nil {
		t.Error("the attempt was out of time")
	}
}

func TestWhatIsNeitherRowsNorAnEnvelopeDidNotGoThrough(t *testing.T) {
	t.Parallel()
	for name, result := range map[string]any{
		"nothing": nil, "no envelope": []byte{}, "no rows": activities.Delivered{}, "another object": map[string]int{"n": 1}, "a text": "done",
	} {
		payload, err := converter.GetDefaultDataConverter().ToPayload(result)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, through, err := activities.Passed(converter.NewRawValue(payload)); through || err == nil {
			t.Errorf("%s: through %t, %v", name, through, err)
		}
	}
	if _, _, through, err := activities.Passed(converter.RawValue{}); through || err == nil {
		t.Errorf("no payload: through %t, %v", through, err)
	}
}
