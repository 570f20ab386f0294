package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	temporallog "go.temporal.io/sdk/log"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubeclient "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/test/world"
)

// namespace is where the executions live.
const namespace = "demo"

const crdDir = "deploy/crd" // from the root of the module

// stage is a world with the product in it, and our own connections to both.
type stage struct {
	*world.World
	product  *world.Product
	executor *world.Executor
	db       *pgxpool.Pool
	temporal client.Client
}

// raise starts everything. When something fails, what was started is stopped.
func raise(ctx context.Context, dir string, s *screen) (_ *stage, err error) {
	st := &stage{}
	defer func() {
		if err != nil {
			err = errors.Join(err, st.close(ctx))
		}
	}()
	s.say("starting the servers …")
	if st.World, err = world.Start(ctx, world.Options{
		Dir: dir, Kubernetes: true, Temporal: true, TemporalUI: true, PostgreSQL: true,
		Progress: func(format string, args ...any) { s.say("  "+format, args...) },
	}); err != nil {
		return nil, err
	}
	s.say("building and starting auditflow …")
	if err := st.open(ctx); err != nil {
		return nil, err
	}
	s.say("  controller on %s, worker on %s, API on %s", st.product.Controller.URL, st.product.Worker.URL, st.product.API.URL)
	return st, nil
}

func (st *stage) open(ctx context.Context) (err error) {
	if err = st.Kube.InstallCRDs(ctx, crdDir); err != nil {
		return err
	}
	if st.executor, err = world.NewExecutor(st.Kube.Config); err != nil {
		return err
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if err = st.executor.Client.Create(ctx, ns); kubeclient.IgnoreAlreadyExists(err) != nil {
		return fmt.Errorf("create namespace: %w", err)
	}
	if st.product, err = st.NewProduct(ctx, world.ProductOptions{}); err != nil {
		return err
	}
	if err = st.product.Start(ctx); err != nil {
		return err
	}
	if st.db, err = pgxpool.New(ctx, st.product.DatabaseURL); err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	st.temporal, err = client.DialContext(ctx, client.Options{
		HostPort: st.Temporal.Address, Namespace: st.Temporal.Namespace,
		Logger: temporallog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return fmt.Errorf("connect to Temporal: %w", err)
	}
	return nil
}

// close ends the product in good order, then the servers. It works at any
// stage of raise and after ctx has ended; that a program had to be killed is an
// error.
func (st *stage) close(ctx context.Context) error {
	var errs []error
	if st.db != nil {
		st.db.Close()
	}
	if st.temporal != nil {
		st.temporal.Close()
	}
	if st.product != nil {
		errs = append(errs, st.product.Stop(context.WithoutCancel(ctx)))
	}
	if st.World != nil {
		errs = append(errs, st.Stop())
	}
	return errors.Join(errs...)
}

// addresses tells where to look, while the world lives.
func (st *stage) addresses(s *screen) {
	s.say("  Temporal     %s/namespaces/%s/workflows", st.Temporal.UIURL, st.Temporal.Namespace)
	s.say("  PostgreSQL   psql %q", st.product.DatabaseURL)
	s.say("  Kubernetes   KUBECONFIG=%s kubectl get kex -A", st.Kube.Kubeconfig)
	s.say("  HTTP         curl -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' \\\n"+
		"                 -d '{\"execution_id\":\"by-hand\",\"action_type\":\"restart-pod\",\"success\":true}' \\\n"+
		"                 '%s%s?wait=persisted'", st.product.Token, st.product.API.URL, httpapi.PathRecords)
}
