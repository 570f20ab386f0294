package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/store/archive"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/workflows"
)

const auditTable = "kubernetes_execution_audit"

// Names under which connections are known to whoever watches them. A writer's is
// followed by its number.
const (
	asMaintenance = "maintenance"
	asWriter      = "writer"
	asReader      = "reader"
)

// benchDatabase is one of the server with the schema and a login for each work.
type benchDatabase struct {
	admin string // URL of the superuser
}

func (b *bench) newDatabase(ctx context.Context) (d benchDatabase, err error) {
	if d.admin, err = b.world.Postgres.NewDatabase(ctx, ""); err != nil {
		return d, err
	}
	store, err := postgres.Open(ctx, postgres.Config{URL: d.admin, MaxConns: 1})
	if err != nil {
		return d, err
	}
	defer store.Close()
	if err := store.Migrate(ctx); err != nil {
		return d, err
	}
	for login, role := range map[string]string{asMaintenance: "auditflow_maintainer", asWriter: "auditflow_writer"} {
		create := fmt.Sprintf(`DO $$ BEGIN
			CREATE ROLE bench_%s LOGIN IN ROLE %s;
		EXCEPTION WHEN duplicate_object THEN NULL; -- roles belong to the server, not to the database
		END $$`, login, role)
		if err := d.execute(ctx, create); err != nil {
			return d, fmt.Errorf("create a login: %w", err)
		}
	}
	return d, nil
}

// as is the URL with the login for a work, and its connections' name.
func (d benchDatabase) as(login, name string) (string, error) {
	u, err := url.Parse(d.admin)
	if err != nil {
		return "", err
	}
	if login != "" {
		u.User = url.User("bench_" + login)
	}
	query := u.Query()
	query.Set("application_name", name)
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// connect is a connection of the superuser's.
func (d benchDatabase) connect(ctx context.Context, name string) (*pgx.Conn, error) {
	address, err := d.as("", name)
	if err != nil {
		return nil, err
	}
	return pgx.Connect(ctx, address)
}

func (d benchDatabase) execute(ctx context.Context, statements ...string) error {
	conn, err := d.connect(ctx, "bench")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (d benchDatabase) open(ctx context.Context, login, name string, conns int32) (*postgres.Store, error) {
	address, err := d.as(login, name)
	if err != nil {
		return nil, err
	}
	return postgres.Open(ctx, postgres.Config{URL: address, MaxConns: conns})
}

// benchKeeper is what maintenance works with, as the worker has it.
type benchKeeper struct {
	store   *postgres.Store
	archive *archive.Archive
	steps   *activities.Maintain
}

// openKeeper opens the database for maintenance, and a bucket in a directory.
func openKeeper(ctx context.Context, d benchDatabase, bucket string) (*benchKeeper, error) {
	store, err := d.open(ctx, asMaintenance, asMaintenance, 4)
	if err != nil {
		return nil, err
	}
	files, err := archive.Open(ctx, archive.Config{URL: "file://" + bucket + "?create_dir=true"})
	if err != nil {
		store.Close()
		return nil, err
	}
	return &benchKeeper{store, files, &activities.Maintain{
		Partitions: store, Archive: files, Deliveries: idle{},
		ErrorClass: errorClass,
		Metrics:    activities.NewMaintenanceMetrics(prometheus.NewRegistry(), workflows.Tasks()...),
	}}, nil
}

func (k *benchKeeper) close() {
	k.store.Close()
	_ = k.archive.Close() // it holds nothing that could be lost
}

// Nothing is under way: writers of the benchmark write at once.
type idle struct{}

func (idle) InFlight(context.Context, time.Time, time.Time) (int64, error) { return 0, nil }
