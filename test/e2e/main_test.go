package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/auditflow/auditflow/test/otlp"
	"github.com/auditflow/auditflow/test/world"
)

// stage is the one world of this package's tests. Tests that break a server are
// not parallel: Go runs them before the parallel ones.
var stage struct {
	*world.World
	product  *world.Product
	executor *world.Executor
	db       *pgxpool.Pool
	temporal client.Client
	// collector takes the traces of all programs, all of them.
	collector *otlp.Collector
}

const namespace = "journeys"

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	stage.World, err = world.Start(ctx, world.Options{
		Dir:        os.Getenv("WORLD_DIR"), // to keep logs and data; else temporary
		Kubernetes: true, Temporal: true, PostgreSQL: true,
		Progress: func(format string, args ...any) { fmt.Printf(format+"\n", args...) },
	})
	if err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := stage.Stop(); err == nil {
			err = stopErr
		}
	}()
	if err := stage.Kube.InstallCRDs(ctx, "../../deploy/crd"); err != nil {
		return 1, err
	}
	if stage.executor, err = world.NewExecutor(stage.Kube.Config); err != nil {
		return 1, err
	}
	if err := stage.executor.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return 1, err
	}
	if stage.collector, err = otlp.Start(ctx); err != nil {
		return 1, err
	}
	defer stage.collector.Close()
	if stage.product, err = stage.NewProduct(ctx, world.ProductOptions{
		Race: true, Common: []string{"log_level: debug", "traces: {endpoint: " + stage.collector.URL + "}"},
		Controller: []string{"audit_batch_size: 1"}, // most tests look at one delivery; those of batches change it
	}); err != nil {
		return 1, err
	}
	if err := stage.product.Start(ctx); err != nil {
		return 1, err
	}
	if stage.db, err = pgxpool.New(ctx, stage.Postgres.URL); err != nil {
		return 1, err
	}
	defer stage.db.Close()
	if stage.temporal, err = client.NewLazyClient(client.Options{HostPort: stage.Temporal.Address}); err != nil {
		return 1, err
	}
	defer stage.temporal.Close()

	code = m.Run()
	if err := stage.product.Stop(context.Background()); err != nil {
		return 1, fmt.Errorf("the product did not end in good order: %w", err)
	}
	return code, wasAllowedAll()
}

// wasAllowedAll tells whether the role we ship was enough for all that the
// controller did.
func wasAllowedAll() error {
	log, err := os.ReadFile(filepath.Join(stage.LogDir(), "controller.log"))
	if err != nil {
		return err
	}
	for line := range bytes.Lines(log) {
		if bytes.Contains(line, []byte("forbidden")) {
			return fmt.Errorf("deploy/rbac lacks something: %s", line)
		}
	}
	return nil
}
