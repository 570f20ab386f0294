package activities_test

import (
	"testing"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/seal"
)

// poisonous makes redacting the record of this UID go wrong.
func (b *bench) poisonous(uid string, wrong func()) {
	b.SetMask(func(r audit.Record) audit.Record {
		if r.ExecutionUID == uid {
			wrong()
		}
		return b.Redactor.Record(r)
	})
}

func (b *bench) redactEach(t *testing.T, envelope []byte) (parted activities.Parted) {
	t.Helper()
	b.env.RegisterActivityWithOptions(b.RedactEach, activity.RegisterOptions{Name: "RedactEach"})
	value, err := b.env.ExecuteActivity("RedactEach", envelope)
	if err != nil {
		t.Fatal(err)
	}
	if err := value.Get(&parted); err != nil {
		t.Fatal(err)
	}
	return parted
}

func TestARecordThatCannotBeRedactedIsSetApartAndTheOthersAreNot(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	defer close(stuck)
	for why, wrong := range map[string]func(){
		activities.TypePanic:   func() { panic("cannot handle " + canary) },
		activities.TypeTimeout: func() { <-stuck },
	} {
		t.Run(why, func(t *testing.T) {
			b := newBench(t)
			b.poisonous("two", wrong)
			batch := b.seal(t, seal.Observed, observed("one"), observed("two"), observed("three"))
			if why == activities.TypePanic {
				if failure := b.failure(t, "Redact", batch); failure.Type() != activities.TypePanic {
					t.Errorf("the whole batch fails with %s", failure.Type())
				}
			}
			began := time.Now()
			parted := b.redactEach(t, batch)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %s: one record must not take the time of all", took)
			}
			if len(parted.Apart) != 1 || parted.Records != 3 {
				t.Fatalf("%d of %d apart", len(parted.Apart), parted.Records)
			}
			apart := parted.Apart[0]
			if apart.Place != 1 || apart.ID != audit.ID("prod", "two") || apart.WorkflowID != "audit/KubernetesExecution/two" || apart.Why != why ||
				!apart.CreatedAt.Equal(observed("two").CreatedAt) {
				t.Errorf("apart: %+v", apart)
			}
			own, err := b.Sealer.Open(apart.Envelope, seal.Observed, apart.WorkflowID)
			if err != nil || len(own) != 1 || own[0].ExecutionUID != "two" || own[0].RecordSHA256 != "" {
				t.Errorf("its own envelope holds %d records, %v", len(own), err)
			}
			healthy := b.open(t, parted.Redacted)
			if len(healthy) != 2 || healthy[0].ExecutionUID != "one" || healthy[1].ExecutionUID != "three" {
				t.Fatalf("%d others", len(healthy))
			}
			if alone := b.open(t, b.redact(t, b.seal(t, seal.Observed, observed("one"))))[0]; healthy[0].RecordSHA256 != alone.RecordSHA256 {
				t.Error("redacted by itself a record has another digest")
			}
		})
	}
}

func TestABatchOfWhichNothingCanBeRedactedGoesApartAltogether(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.SetMask(func(audit.Record) audit.Record { panic("no") })
	parted := b.redactEach(t, b.seal(t, seal.Observed, observed("one"), observed("two")))
	if len(parted.Apart) != 2 || parted.Redacted != nil {
		t.Errorf("%d apart, %d bytes redacted", len(parted.Apart), len(parted.Redacted))
	}
}
