package price

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/test/load/turn"
	"github.com/auditflow/auditflow/test/world"
	"github.com/auditflow/auditflow/workflows"
)

// Both databases have the memory and the checkpoints of a small server that was
// looked after; fsync is on.
var settings = []string{"max_wal_size=8GB", "checkpoint_timeout=30min", "wal_compression=on", "shared_buffers=512MB"}

// namespaceEmbedded keeps the all-in-one process and the others from taking each
// other's work, so that all can stay where they are.
const namespaceEmbedded = "embedded"

// scene is the world in which all is compared: Temporal on a PostgreSQL of its own,
// so that what it costs there and what the audit trail costs are told apart.
type scene struct {
	*world.World
	product *world.Product
	more    []*world.Program // workers beside that of the product
	program string           // this one, for its processes
	peers   string           // the program with the peers, once it is built
	service string           // address of the seed's storage service
	log     *os.File

	temporal            client.Client
	audit, history, vis *pgxpool.Pool // the databases: rows; histories; visibility
	processes           map[string]*turn.Process
	base                time.Time // created_at of record 0
	numbers             int64     // of records that were given out
}

func openScene(ctx context.Context, dir string, progress func(string, ...any)) (s *scene, err error) {
	s = &scene{processes: map[string]*turn.Process{}, base: time.Now().UTC().Truncate(time.Second)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(context.WithoutCancel(ctx)))
			s = nil
		}
	}()
	if s.program, err = os.Executable(); err != nil {
		return s, err
	}
	if s.World, err = world.Start(ctx, world.Options{
		Dir: dir, Temporal: true, PostgreSQL: true, TemporalStore: world.TemporalOnItsOwnPostgreSQL,
		PostgresSettings: append([]string{"track_commit_timestamp=on"}, settings...), Progress: progress,
	}); err != nil {
		return s, err
	}
	if s.service, err = freeAddress(ctx); err != nil {
		return s, err
	}
	if s.log, err = os.Create(filepath.Join(s.LogDir(), "processes.log")); err != nil {
		return s, err
	}
	if s.product, err = s.NewProduct(ctx, world.ProductOptions{Maintenance: []string{"enabled: false"}}); err != nil {
		return s, err
	}
	if err := s.connect(ctx); err != nil {
		return s, err
	}
	if err := s.prepare(ctx); err != nil {
		return s, err
	}
	return s, s.product.Worker.Start(ctx)
}

// freeAddress is one that nobody listens on at the moment.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// connect opens what the measuring itself asks.
func (s *scene) connect(ctx context.Context) (err error) {
	if s.temporal, err = temporalclient.Dial(temporalclient.Config{Address: s.Temporal.Address, Namespace: s.Temporal.Namespace}, quiet()); err != nil {
		return err
	}
	if s.audit, err = pgxpool.New(ctx, s.Postgres.URL); err != nil {
		return err
	}
	if s.history, err = pgxpool.New(ctx, inDatabase(s.Temporal.Store.URL, "temporal")); err != nil {
		return err
	}
	s.vis, err = pgxpool.New(ctx, inDatabase(s.Temporal.Store.URL, "temporal_visibility"))
	return err
}

// inDatabase is the URL of another database on the same server.
func inDatabase(address, database string) string {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return address
	}
	return strings.Replace(address, "/"+config.Database, "/"+database, 1)
}

// prepare makes partitions and namespaces, and has Temporal's PostgreSQL do as ours.
func (s *scene) prepare(ctx context.Context) error {
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		if _, err := s.history.Exec(ctx, fmt.Sprintf("ALTER SYSTEM SET %s = '%s'", name, value)); err != nil {
			return err
		}
	}
	if err := s.restartTemporal(ctx); err != nil {
		return err
	}
	store, err := postgres.Open(ctx, postgres.Config{URL: s.Postgres.URL})
	if err != nil {
		return err
	}
	defer store.Close()
	for _, at := range []time.Time{s.base, s.base.AddDate(0, 1, 0)} {
		if _, err := store.EnsurePeriod(ctx, audit.PeriodOf(audit.Monthly, at)); err != nil {
			return err
		}
	}
	_, err = s.temporal.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: namespaceEmbedded, WorkflowExecutionRetentionPeriod: durationpb.New(72 * time.Hour),
	})
	if err != nil {
		return fmt.Errorf("register namespace %s: %w", namespaceEmbedded, err)
	}
	for _, namespace := range []string{s.Temporal.Namespace, namespaceEmbedded} {
		err := temporalclient.Until(ctx, quiet(), "search attributes of "+namespace, 10*time.Second, func(ctx context.Context) error {
			return temporalclient.Prepare(ctx, s.temporal, namespace, workflows.SearchAttributes())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// restartTemporal has its PostgreSQL take the new settings, one of which it only
// takes when it starts.
func (s *scene) restartTemporal(ctx context.Context) error {
	s.Temporal.Kill()
	s.history.Reset()
	s.vis.Reset()
	if err := s.Temporal.Store.Stop(ctx); err != nil {
		return err
	}
	if err := s.Temporal.Store.Start(ctx); err != nil {
		return err
	}
	return s.Temporal.Start(ctx)
}

func (s *scene) keyset() string { return filepath.Join(s.Dir, "product", "keyset.json") }

// process starts one of this program in a role, or returns the one there is.
func (s *scene) process(ctx context.Context, role string) (*turn.Process, error) {
	if p := s.processes[role]; p != nil {
		return p, nil
	}
	namespace := s.Temporal.Namespace
	if role == roleEmbedded {
		namespace = namespaceEmbedded
	}
	program, args := s.program, []string{
		"process", role, "--temporal", s.Temporal.Address, "--namespace", namespace, "--keyset-file", s.keyset(),
		"--database-url", s.Postgres.URL, "--service", s.service,
	}
	if role == rolePeerProducer || role == rolePeerWorker {
		program, args = s.peers, []string{"-role", role, "-database-url", s.Postgres.URL}
	}
	p, err := turn.Start(ctx, role, s.log, program, args...)
	if err != nil {
		return nil, fmt.Errorf("%w; see %s", err, s.log.Name())
	}
	s.processes[role] = p
	return p, nil
}

// close ends all processes and servers.
func (s *scene) close(ctx context.Context) (err error) {
	for _, p := range s.processes {
		p.Stop()
	}
	for _, db := range []*pgxpool.Pool{s.audit, s.history, s.vis} {
		if db != nil {
			db.Close()
		}
	}
	if s.temporal != nil {
		s.temporal.Close()
	}
	if s.product != nil {
		err = s.product.Worker.Stop(ctx)
	}
	if s.World != nil {
		err = errors.Join(err, s.Stop())
	}
	if s.log != nil {
		_ = s.log.Close()
	}
	return err
}
