package workflows

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
)

func TestAnEagerStartIsGivenUpAtItsDeadlineAndNotBefore(t *testing.T) {
	t.Parallel()
	deadline := time.Now().Add(time.Hour)
	asked, stop := context.WithDeadline(t.Context(), deadline)
	ctx, cancel := untilHeard(asked)
	defer cancel()
	stop()
	if got, _ := ctx.Deadline(); ctx.Err() != nil || !got.Equal(deadline) {
		t.Errorf("ended: %v; deadline %s, want %s", ctx.Err(), got, deadline)
	}
	ctx, cancel = untilHeard(context.Background())
	defer cancel()
	if got, ok := ctx.Deadline(); !ok || got.After(time.Now().Add(eagerTimeout)) {
		t.Errorf("without a deadline it gets %s", got)
	}
}

func TestStartsAreEagerWhileThereIsAWorkerInTheProcess(t *testing.T) {
	t.Parallel()
	own, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	var worker client.Client
	s := &Starter{Eager: func() client.Client { return worker }}
	if c, eager := s.through(); eager || c != s.Client {
		t.Error("eager without a worker")
	}
	worker = own
	if c, eager := s.through(); !eager || c != own {
		t.Error("not eager, or not through the worker's client")
	}
	if _, eager := (&Starter{}).through(); eager {
		t.Error("eager unasked")
	}
}
