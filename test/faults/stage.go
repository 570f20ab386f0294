package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/client"
	temporallog "go.temporal.io/sdk/log"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/auditflow/auditflow/test/world"
)

// stage is a world of real servers that write to disk what they say they have
// written, with the product in it as processes of its own. Between the product
// and both PostgreSQL and Temporal is a wire.
type stage struct {
	*world.World
	flow temporalServer

	product  *world.Product
	executor *world.Executor
	temporal client.Client // past the wire
	archive  string        // directory of the bucket
	database *wire         // to PostgreSQL
	engine   *wire         // to Temporal
	shop     *front        // to the object store
	small    string        // a file system of PostgreSQL's own; "" for none
}

const crdDir = "deploy/crd" // from the root of the module

// smallBytes is what PostgreSQL has where a fault wants its disk full.
const smallBytes = 320 << 20

// raise starts everything. When something fails, what was started is stopped.
func raise(ctx context.Context, store, dir string, small bool, say func(string, ...any)) (_ *stage, err error) {
	log.SetLogger(logr.Discard()) // envtest's; it complains when nobody chose one
	st := &stage{}
	defer func() {
		if err != nil {
			err = errors.Join(err, st.lower(ctx))
		}
	}()
	kept, err := storeOf(store)
	if err != nil {
		return nil, err
	}
	o := world.Options{
		Dir: dir, Kubernetes: true, KubeFsync: true, Temporal: true, TemporalStore: kept, PostgreSQL: true, S3: true,
		Progress: func(format string, args ...any) { say("  "+format, args...) },
	}
	if small {
		if o.Dir, err = st.mountSmall(); err != nil {
			return nil, err
		}
		o.PostgresSettings = []string{"max_wal_size=64MB", "min_wal_size=32MB"}
	}
	if st.World, err = world.Start(ctx, o); err != nil {
		return nil, err
	}
	st.flow = temporalOf(st.World)
	if st.temporal, err = client.NewLazyClient(client.Options{
		HostPort: st.Temporal.Address, Namespace: st.Temporal.Namespace,
		Logger: temporallog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	}); err != nil {
		return nil, err
	}
	say("  building and starting auditflow with its failpoints …")
	return st, st.install(ctx)
}

// retention of the product, and the tablespace of what is older than a week.
const (
	retention  = "retention: {mode: partitions, after: 90d}"
	tablespace = "faults_warm"
)

// makeTablespace has the server make the directory, as its own user.
func (st *stage) makeTablespace(ctx context.Context) error {
	directory := filepath.Join(filepath.Dir(st.Postgres.DataDir), tablespace)
	conn, err := pgx.Connect(ctx, st.Postgres.URL)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var there bool // in a directory that an earlier stage has left (--dir)
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_tablespace WHERE spcname = $1)`, tablespace).Scan(&there)
	if err != nil || there {
		return err
	}
	for _, statement := range []string{
		"COPY (SELECT 1) TO PROGRAM 'mkdir -p " + directory + " && cat > /dev/null'",
		"CREATE TABLESPACE " + tablespace + " LOCATION '" + directory + "'",
		"GRANT CREATE ON TABLESPACE " + tablespace + " TO PUBLIC", // there are no roles of ours yet
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("make a tablespace: %w", err)
		}
	}
	return nil
}

// openShop puts a front before the object store and returns the bucket's URL
// through it. The judge reads the bucket's directory.
//
// Every file in it is locked for a day, as we advise: whatever happens to it in the
// trials happens behind the store's back.
func (st *stage) openShop(ctx context.Context) (bucket string, err error) {
	if st.shop, err = newFront(st.S3.Endpoint); err != nil {
		return "", err
	}
	if err := st.S3.LockAll(ctx, 1); err != nil {
		return "", err
	}
	st.archive = filepath.Join(st.S3.DataDir, st.S3.Locked)
	for _, variable := range st.S3.Environment() { // the product's processes inherit it
		name, value, _ := strings.Cut(variable, "=")
		if err := os.Setenv(name, value); err != nil {
			return "", err
		}
	}
	return strings.Replace(st.S3.URL(st.S3.Locked), url.QueryEscape(st.S3.Endpoint), url.QueryEscape(st.shop.address), 1), nil
}

// install builds and starts the product, behind its wires.
func (st *stage) install(ctx context.Context) (err error) {
	if err := st.Kube.InstallCRDs(ctx, crdDir); err != nil {
		return err
	}
	if st.executor, err = world.NewExecutor(st.Kube.Config); err != nil {
		return err
	}
	host, err := hostOf(st.Postgres.URL)
	if err != nil {
		return err
	}
	if st.database, err = newWire("PostgreSQL", host); err != nil {
		return err
	}
	if st.engine, err = newWire("Temporal", st.Temporal.Address); err != nil {
		return err
	}
	address, err := st.database.through(st.Postgres.URL)
	if err != nil {
		return err
	}
	bucket, err := st.openShop(ctx)
	if err != nil {
		return err
	}
	if err := st.makeTablespace(ctx); err != nil {
		return err
	}
	if st.product, err = st.NewProduct(ctx, world.ProductOptions{
		Failpoints: true, DatabaseURL: address, TemporalAddress: st.engine.address(),
		BucketURL: bucket, Archive: "after: 90d, segment_rows: 1000",
		Maintenance: []string{retention, "tiers: {warm: " + tablespace + ", warm_after: 7d, cold_after: 60d, cold: " + tablespace + "}"},
	}); err != nil {
		return err
	}
	// A controller that was killed holds its lease for 15 s, in which nothing would
	// happen. Who leads is what fault 25 is about.
	if err := st.reconfigure(st.product.Controller, "leader_election: {namespace: default}", "leader_election: {enabled: false}"); err != nil {
		return err
	}
	return st.product.Start(ctx)
}

// reconfigure changes a program's configuration, from its next start on.
func (st *stage) reconfigure(p *world.Program, before, after string) error {
	text, err := os.ReadFile(p.Config)
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), before) {
		return fmt.Errorf("the configuration of %s has no %q", p.Name, before)
	}
	return os.WriteFile(p.Config, []byte(strings.Replace(string(text), before, after, 1)), 0o600)
}

// revive starts whatever does not run. It does nothing where all is well.
func (st *stage) revive(ctx context.Context) error {
	for _, p := range st.programs() {
		p.Env = nil
	}
	st.shop.be(mood{})
	st.database.mend(ctx)
	st.engine.mend(ctx)
	if err := errors.Join(st.Kube.StartEtcd(ctx), st.Kube.StartAPIServer(ctx), st.Postgres.Start(ctx), st.flow.Start(ctx), st.S3.Start(ctx)); err != nil {
		return fmt.Errorf("start what was broken: %w", err)
	}
	return st.product.Start(ctx)
}

func (st *stage) programs() []*world.Program {
	return []*world.Program{st.product.Worker, st.product.Controller, st.product.API}
}

// lower ends everything. It works at any stage of raise, and after ctx has ended.
func (st *stage) lower(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	if st.temporal != nil {
		st.temporal.Close()
	}
	if st.product != nil {
		errs = append(errs, st.product.Stop(ctx))
	}
	for _, w := range []*wire{st.database, st.engine} {
		if w != nil {
			w.close()
		}
	}
	if st.shop != nil {
		st.shop.close()
	}
	if st.World != nil {
		errs = append(errs, st.Stop())
	}
	if st.small != "" {
		errs = append(errs, syscall.Unmount(st.small, 0), os.RemoveAll(filepath.Dir(st.small)))
	}
	return errors.Join(errs...)
}

// mountSmall makes a directory for a world in which PostgreSQL has a small file
// system to itself.
func (st *stage) mountSmall() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "auditflow-faults-"); err != nil {
		return "", err
	}
	at := filepath.Join(dir, "postgres")
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(at, 0o755)); err != nil {
		return "", err
	}
	if err := syscall.Mount("tmpfs", at, "tmpfs", 0, fmt.Sprintf("size=%d", smallBytes)); err != nil {
		return "", errors.Join(fmt.Errorf("mount a small file system: %w", err), os.RemoveAll(dir))
	}
	st.small = at
	return dir, nil
}
