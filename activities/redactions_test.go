package activities_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.temporal.io/sdk/activity"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
)

// slowBench is a bench whose redactor computes until it is released.
type slowBench struct {
	*bench
	computing chan struct{} // one for each redaction that has begun to compute
	release   chan struct{} // closed to let all of them end
}

func newSlowBench(t *testing.T) *slowBench {
	t.Helper()
	b := &slowBench{newBench(t), make(chan struct{}, 10*activities.MaxRedactions), make(chan struct{})}
	t.Cleanup(func() {
		select {
		case <-b.release:
		default:
			close(b.release) // the test has failed; leave nothing behind
		}
	})
	token := func([]byte) ([]byte, error) { // called when a secret is masked: the redactor itself has nothing to hold it by
		b.computing <- struct{}{}
		<-b.release
		return []byte("not a hash but long enough"), nil
	}
	var err error
	b.Redactor, err = redact.NewWith(redact.Options{Keyed: true, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// attempt is one Redact as Temporal runs it, with a time of its own. Any number
// may run at once.
func (b *slowBench) attempt(ctx context.Context, envelope []byte) error {
	var s testsuite.WorkflowTestSuite
	s.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := s.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	env.RegisterActivityWithOptions(b.Redact, activity.RegisterOptions{Name: "Redact"})
	_, err := env.ExecuteActivity("Redact", envelope)
	return err
}

// begin starts attempts and returns when all of them compute.
func (b *slowBench) begin(ctx context.Context, envelopes ...[]byte) (ends chan error) {
	ends = make(chan error, len(envelopes))
	for _, e := range envelopes {
		go func() { ends <- b.attempt(ctx, e) }()
	}
	for range envelopes {
		<-b.computing
	}
	return ends
}

func givenUp(t *testing.T, err error, where string) {
	t.Helper()
	var failure *temporal.ApplicationError
	if !errors.As(err, &failure) || failure.Type() != activities.TypeTimeout || !strings.Contains(failure.Message(), where) {
		t.Errorf("got %v, want a %s of %q", err, activities.TypeTimeout, where)
	}
}

func TestRedactionsWhoseAttemptsAreGivenUpCountUntilTheyEnd(t *testing.T) {
	t.Parallel()
	b := newSlowBench(t)
	envelopes := make([][]byte, activities.MaxRedactions)
	for i := range envelopes {
		envelopes[i] = b.seal(t, seal.Observed, observed(fmt.Sprint(i)))
	}
	patience, giveUp := context.WithCancel(t.Context())
	ends := b.begin(patience, envelopes...)
	giveUp()
	for range envelopes {
		givenUp(t, <-ends, "wait for the redaction to end")
	}

	// Nobody waits for them, but they compute: there is no room for another.
	another := b.seal(t, seal.Observed, observed("another"))
	givenUp(t, b.attempt(patience, another), "wait for one of 64 redactions to end")
	if len(b.computing) != 0 {
		t.Errorf("another computes beside the %d", activities.MaxRedactions)
	}
	b.endsWell(t, another)
}

func TestHoweverOftenOneIsRetriedItComputesOnce(t *testing.T) {
	t.Parallel()
	b := newSlowBench(t)
	slow, another := b.seal(t, seal.Observed, observed("slow")), b.seal(t, seal.Observed, observed("another"))
	patience, giveUp := context.WithCancel(t.Context())
	ends := b.begin(patience, slow)
	giveUp()
	givenUp(t, <-ends, "wait for the redaction to end")
	for range activities.MaxRedactions {
		givenUp(t, b.attempt(patience, slow), "wait for the redaction to end")
	}
	givenUp(t, b.attempt(patience, another), "wait for the redaction to end") // so it has found room
	b.endsWell(t, slow)
}

// endsWell lets everything go that computes, while an attempt waits.
func (b *slowBench) endsWell(t *testing.T, envelope []byte) {
	t.Helper()
	waiting := make(chan error, 1)
	go func() { waiting <- b.attempt(t.Context(), envelope) }()
	close(b.release)
	if err := <-waiting; err != nil {
		t.Errorf("all have ended, and an attempt with time fails: %v", err)
	}
}
