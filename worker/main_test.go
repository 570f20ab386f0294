package worker_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.uber.org/goleak"

	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/test/world"
	"github.com/auditflow/auditflow/workflows"
)

// One world for all tests; each has workflows, schedules and a database of its own.
var (
	servers  *world.World
	temporal client.Client
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if code == 0 && err == nil {
		err = goleak.Find() // the servers are gone by now
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if servers, err = world.Start(ctx, world.Options{Temporal: true, PostgreSQL: true, TemporalStore: store}); err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := servers.Stop(); err == nil {
			err = stopErr
		}
	}()
	temporal, err = client.Dial(client.Options{
		HostPort: servers.Temporal.Address, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return 1, err
	}
	defer temporal.Close()
	if err := temporalclient.Prepare(ctx, temporal, servers.Temporal.Namespace, workflows.SearchAttributes()); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
