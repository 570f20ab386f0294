package worker_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"

	"github.com/auditflow/auditflow/workflows"
)

// A poll that is answered at once would be followed by another, and so on.
func TestWhoeverWaitsForADeliveryAsksTemporalOnceInAWhile(t *testing.T) {
	t.Parallel()
	d := newBatchDoor(t, "wait", workflows.BatchConfig{Wait: time.Minute}) // no worker: deliveries do not end
	var polls atomic.Int64
	count := func(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if strings.HasSuffix(method, "/GetWorkflowExecutionHistory") {
			polls.Add(1)
		}
		return invoke(ctx, method, req, reply, conn, opts...)
	}
	counting, err := client.NewLazyClient(client.Options{
		HostPort: servers.Temporal.Address, Namespace: "wait",
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(count)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(counting.Close)
	door := workflows.NewBatcher(&workflows.Starter{Client: counting, Sealer: d.sealer, Redactor: d.redactor}, workflows.BatchConfig{Wait: time.Minute})
	for what, n := range map[string]int{"one": 1, "a batch": 3} {
		polls.Store(0)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		delivery := started(t, door.StartAll(t.Context(), days(n)))[0]
		_, err := delivery.Wait(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%s: the wait ended with %v", what, err)
		}
		if n := polls.Load(); n < 1 || n > 2 {
			t.Errorf("%s: %d polls in 2 seconds, want 1 or 2", what, n)
		}
	}
}
