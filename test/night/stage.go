package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	temporallog "go.temporal.io/sdk/log"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/auditflow/auditflow/test/world"
)

const (
	namespace  = "night" // where the executions live
	alertsFile = "deploy/alerts.yaml"
	boardFile  = "deploy/dashboard.json"
	roleFile   = "deploy/rbac/role.yaml"
	crdDir     = "deploy/crd"
)

// stage is a world with the product in it, and our own connections to both.
type stage struct {
	*world.World
	product  *world.Product
	executor *world.Executor
	db       *pgxpool.Pool
	temporal client.Client

	dir       string // of what only the night has
	auditctls string // the program
	// doorKeys and workerKeys are two copies of one keyset, as two Secrets may be.
	doorKeys, workerKeys string
}

// never is a time that does not come within a night: what a schedule would cure by
// itself an hour later, somebody has to cure now.
const never = `"7 4 29 2 *"`

// raise starts the servers and the product.
func raise(ctx context.Context, keep string, say func(string, ...any)) (_ *stage, err error) {
	s := &stage{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(ctx))
		}
	}()
	if s.World, err = world.Start(ctx, world.Options{Dir: keep, Kubernetes: true, Temporal: true, PostgreSQL: true, Progress: say}); err != nil {
		return nil, err
	}
	if err := s.Kube.InstallCRDs(ctx, crdDir); err != nil {
		return nil, err
	}
	if s.executor, err = world.NewExecutor(s.Kube.Config); err != nil {
		return nil, err
	}
	if err := s.executor.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return nil, fmt.Errorf("create namespace: %w", err)
	}
	if err := s.configure(ctx); err != nil {
		return nil, err
	}
	if err := s.product.Start(ctx); err != nil {
		return nil, err
	}
	return s, s.connect(ctx)
}

// configure prepares the product: with daily partitions, so that a runway of less
// than a day is one partition away; with a schedule that runs each minute, and the
// others only when they are asked to.
func (s *stage) configure(ctx context.Context) (err error) {
	if s.product, err = s.NewProduct(ctx, world.ProductOptions{
		Archive:     "cron: " + never,
		Maintenance: []string{"create: {cron: " + never + "}", `tiers: {cron: "* * * * *"}`, "retention: {cron: " + never + "}"},
	}); err != nil {
		return err
	}
	s.dir = s.Dir
	s.doorKeys, s.workerKeys = filepath.Join(s.dir, "product", "keyset.json"), filepath.Join(s.dir, "keyset-of-the-worker.json")
	keys, err := os.ReadFile(s.doorKeys)
	if err != nil {
		return err
	}
	s.auditctls = filepath.Join(s.dir, "auditctl")
	build := exec.CommandContext(ctx, "go", "build", "-o", s.auditctls, "./cmd/auditctl")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build auditctl: %w: %s", err, out)
	}
	return errors.Join(
		os.WriteFile(s.workerKeys, keys, 0o600),
		edit(s.product.Worker.Config, s.doorKeys, s.workerKeys),
		extend(s.product.Worker.Config, "database: {partition_interval: daily}\n"),
		extend(s.product.API.Config, "limits: {rate: 20, burst: 100, batch_records: 100}\n"),
	)
}

// edit replaces what must be in a file once.
func edit(path, from, to string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if strings.Count(string(text), from) != 1 {
		return fmt.Errorf("%s: %q is not there once", path, from)
	}
	return os.WriteFile(path, []byte(strings.Replace(string(text), from, to, 1)), 0o600)
}

func extend(path, more string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, more...), 0o600)
}

func (s *stage) connect(ctx context.Context) (err error) {
	if s.db, err = pgxpool.New(ctx, s.product.DatabaseURL); err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	s.temporal, err = client.DialContext(ctx, client.Options{
		HostPort: s.Temporal.Address, Namespace: s.Temporal.Namespace,
		Logger: temporallog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return fmt.Errorf("connect to Temporal: %w", err)
	}
	return nil
}

// close ends the product in good order, then the servers. It works at any stage of
// raise and after ctx has ended.
func (s *stage) close(ctx context.Context) error {
	var errs []error
	if s.db != nil {
		s.db.Close()
	}
	if s.temporal != nil {
		s.temporal.Close()
	}
	if s.product != nil {
		errs = append(errs, s.product.Stop(context.WithoutCancel(ctx)))
	}
	if s.World != nil {
		errs = append(errs, s.Stop())
	}
	return errors.Join(errs...)
}

// auditctl runs it as an operator does, with the worker's configuration.
func (s *stage) auditctl(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.auditctls, append([]string{"--config", s.product.Worker.Config}, args...)...)
	cmd.Env = append(os.Environ(), "AUDITFLOW_DATABASE_URL="+s.product.DatabaseURL)
	return output(cmd)
}

// keyset runs auditctl keyset, which has no configuration.
func (s *stage) keyset(ctx context.Context, args ...string) (string, error) {
	return output(exec.CommandContext(ctx, s.auditctls, append([]string{"keyset"}, args...)...))
}

// temporalCLI runs Temporal's own command.
func (s *stage) temporalCLI(ctx context.Context, args ...string) (string, error) {
	return output(exec.CommandContext(ctx, "bin/temporal", append(args, "--address", s.Temporal.Address)...))
}

func output(cmd *exec.Cmd) (string, error) {
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w: %s%s", strings.Join(cmd.Args, " "), err, out, complaint.String())
	}
	return string(out), nil
}

// sql runs statements one after the other, as an administrator.
func (s *stage) sql(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := s.db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// count runs a query that answers with a number.
func (s *stage) count(ctx context.Context, query string, args ...any) (n int, err error) {
	err = s.db.QueryRow(ctx, query, args...).Scan(&n)
	return n, err
}

// alone is a connection beside the pool.
func (s *stage) alone(ctx context.Context) (*pgx.Conn, error) {
	return pgx.Connect(ctx, s.product.DatabaseURL)
}

func code(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}
