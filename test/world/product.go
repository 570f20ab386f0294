package world

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/store/postgres"
)

// Cluster is the name under which a world's controller records executions.
const Cluster = "world"

// Product is auditflow itself: its programs as real processes, built from this
// working tree, configured for the servers of a world.
type Product struct {
	Controller *Program // nil in a world without Kubernetes
	Worker     *Program
	API        *Program
	// Token is one that the API takes.
	Token string
	// DatabaseURL is where the worker persists, as the superuser; the worker
	// itself is a login that may do what role auditflow_writer may.
	DatabaseURL string

	doors    *doors
	embedded bool
}

// ProductOptions says how to build and configure the product.
type ProductOptions struct {
	// DatabaseURL is where to persist; empty means the world's own database.
	DatabaseURL string
	// TemporalAddress is where the product finds Temporal, as the proxy in front of
	// it; empty means the server itself.
	TemporalAddress string
	// Race builds the binaries with the race detector: what it finds ends the
	// process with an error and stands in its log.
	Race bool
	// Failpoints builds them so that [Program.Env] can have them killed at a named
	// instruction; see package failpoint.
	Failpoints bool
	// Source is the module to build, as the tree of another commit; empty means this
	// one.
	Source string
	// Overlay is a file for "go build -overlay"; empty means none.
	Overlay string
	// BucketURL is where the worker archives; empty means a directory of the
	// product's own.
	BucketURL string
	// Archive is more of the worker's section maintenance.archive, as in
	// "after: 1d, segment_rows: 1000"; Maintenance are more sections, one a line.
	Archive     string
	Maintenance []string
	// Controller is more of the controller's configuration, a line each, as in
	// "audit_batch_size: 1".
	Controller []string
	// Common is more of the configuration of all programs, a line each, as in
	// "log_level: debug".
	Common []string
}

// NewProduct builds the binaries (nothing to do when nothing changed) and
// writes their configuration. Nothing runs yet.
func (w *World) NewProduct(ctx context.Context, o ProductOptions) (*Product, error) {
	if o.DatabaseURL == "" {
		o.DatabaseURL = w.Postgres.URL
	}
	dir := w.workspace.path("product")
	if err := buildProduct(ctx, dir, o, w.binaries()...); err != nil {
		return nil, err
	}
	keyset := filepath.Join(dir, "keyset.json")
	if err := writeKeyset(keyset); err != nil {
		return nil, err
	}
	p := &Product{DatabaseURL: o.DatabaseURL}
	writerURL, maintainerURL, err := prepareDatabase(ctx, o.DatabaseURL)
	if err != nil {
		return nil, err
	}
	if o.BucketURL == "" {
		o.BucketURL = "file://" + filepath.ToSlash(filepath.Join(dir, "archive")) + "?create_dir=true"
	}
	if o.TemporalAddress == "" {
		o.TemporalAddress = w.Temporal.Address
	}
	common := fmt.Sprintf("keyset_file: %s\ntemporal: {address: %q, namespace: %q}\n", keyset, o.TemporalAddress, w.Temporal.Namespace) +
		strings.Join(append(o.Common, ""), "\n")
	if p.Worker, err = w.program("worker", common+maintenance(maintainerURL, o), "AUDITFLOW_DATABASE_URL="+writerURL); err != nil {
		return nil, err
	}
	if p.doors, p.Token, err = w.newDoors(ctx, dir, common, o.DatabaseURL); err != nil {
		return nil, err
	}
	if p.API, err = p.doors.configure("api", dir, ""); err != nil || w.Kube == nil {
		return p, err
	}
	kubeconfig, err := w.kubeconfigFor(ctx, "auditflow-controller", "role.yaml")
	if err != nil {
		return nil, err
	}
	p.Controller, err = w.program("controller",
		common+"cluster: "+Cluster+"\nleader_election: {namespace: default}\njobs: {enabled: true}\n"+strings.Join(append(o.Controller, ""), "\n"), "KUBECONFIG="+kubeconfig)
	return p, err
}

// Embedded is the same product as one process: a controller that runs the worker.
// Do not run both at once.
func (p *Product) Embedded() *Product {
	c := p.Controller
	return &Product{embedded: true, Worker: p.Worker, DatabaseURL: p.DatabaseURL, Controller: &Program{
		Name: c.Name, URL: c.URL, Config: c.Config, Env: slices.Concat(p.Worker.env, p.Worker.Env),
		workspace: c.workspace, path: c.path, env: c.env, args: []string{"--embedded-worker", p.Worker.Config},
	}}
}

// Start starts all programs and returns when they are ready.
func (p *Product) Start(ctx context.Context) error {
	for _, program := range p.programs() {
		if err := program.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Stop ends all in good order, the doors first.
func (p *Product) Stop(ctx context.Context) error {
	for _, program := range slices.Backward(p.programs()) {
		if err := program.Stop(ctx); err != nil {
			return err
		}
	}
	return nil
}

// programs come in the order of their start.
func (p *Product) programs() []*Program {
	switch {
	case p.embedded:
		return []*Program{p.Controller}
	case p.Controller == nil:
		return []*Program{p.Worker, p.API}
	}
	return []*Program{p.Worker, p.Controller, p.API}
}

func buildProduct(ctx context.Context, dir string, o ProductOptions, programs ...string) error {
	root := o.Source
	if root == "" {
		var err error
		if root, err = moduleRoot(); err != nil {
			return err
		}
	}
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	if o.Race {
		args = append(args, "-race")
	}
	if o.Failpoints {
		args = append(args, "-tags", "failpoints")
	}
	if o.Overlay != "" {
		args = append(args, "-overlay", o.Overlay)
	}
	for _, name := range programs {
		args = append(args, "./cmd/"+name)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the product: %w\n%s", err, out)
	}
	return nil
}

// maintenance is the worker's section of that name.
func maintenance(databaseURL string, o ProductOptions) string {
	lines := append([]string{
		fmt.Sprintf("database_url: %q", databaseURL),
		fmt.Sprintf("archive: {bucket_url: %q, %s}", o.BucketURL, o.Archive),
	}, o.Maintenance...)
	return "maintenance:\n  " + strings.Join(lines, "\n  ") + "\n"
}

// prepareDatabase does what an operator does before the first start: it migrates,
// as somebody who may, and makes two logins, one that may only write and one for
// maintenance. The worker lives with the rights we tell everybody to give it.
func prepareDatabase(ctx context.Context, address string) (writerURL, maintainerURL string, err error) {
	store, err := postgres.Open(ctx, postgres.Config{URL: address})
	if err != nil {
		return "", "", err
	}
	defer store.Close()
	if err := store.Migrate(ctx); err != nil {
		return "", "", err
	}
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return "", "", fmt.Errorf("create the worker's logins: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if writerURL, err = createLogin(ctx, conn, address, "worker", "auditflow_writer"); err != nil {
		return "", "", err
	}
	maintainerURL, err = createLogin(ctx, conn, address, "maintainer", "auditflow_maintainer")
	return writerURL, maintainerURL, err
}

// createLogin makes a login that may do what a role may, and returns its URL.
func createLogin(ctx context.Context, conn *pgx.Conn, address, login, role string) (string, error) {
	create := fmt.Sprintf(`DO $$ BEGIN
		CREATE ROLE %s LOGIN IN ROLE %s;
	EXCEPTION WHEN duplicate_object THEN NULL; -- the data is an earlier run's
	END $$`, login, role)
	if _, err := conn.Exec(ctx, create); err != nil {
		return "", fmt.Errorf("create the login %s: %w", login, err)
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("the URL of the database: %w", err)
	}
	parsed.User = url.User(login)
	return parsed.String(), nil
}

func writeKeyset(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil // envelopes of an earlier run want the same keys
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := seal.Generate(f); err != nil {
		return err
	}
	return f.Close()
}

// Program is one binary of the product. It may be started and ended many times.
type Program struct {
	Name   string
	URL    string // of /healthz, /readyz and /metrics
	Config string // path of its configuration
	// Env is more of its environment, as in "NAME=value", from its next start on.
	Env []string

	workspace *workspace
	path      string
	env       []string
	args      []string // more of them

	mu   sync.Mutex
	proc *process
}

func (w *World) program(name, config string, env ...string) (*Program, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir := w.workspace.path("product")
	p := &Program{
		Name: name, URL: "http://" + loopback(port), Config: filepath.Join(dir, name+".yaml"),
		workspace: w.workspace, path: filepath.Join(dir, name), env: env,
	}
	return p, os.WriteFile(p.Config, []byte(fmt.Sprintf("listen: %q\n", loopback(port))+config), 0o600)
}

// Start runs the program and returns when it says that it is ready.
func (p *Program) Start(ctx context.Context) error {
	if err := p.Launch(); err != nil {
		return err
	}
	return p.proc.awaitReady(ctx, p.Ready)
}

// Launch runs the program and does not wait for anything.
func (p *Program) Launch() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc != nil && p.proc.running() {
		return nil
	}
	args := append(append([]string{"GORACE=halt_on_error=1"}, p.env...), p.Env...)
	proc, err := p.workspace.start(command{
		name: p.Name, path: "/usr/bin/env", args: slices.Concat(args, []string{p.path, "--config", p.Config}, p.args),
	})
	if err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	p.proc = proc
	return nil
}

// Ready asks /readyz.
func (p *Program) Ready(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/readyz", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is not ready: %s", p.Name, res.Status)
	}
	return nil
}

// Stop asks the program to end (SIGTERM) and waits. It is an error if it has to
// be killed or does not end with exit code 0.
func (p *Program) Stop(ctx context.Context) error {
	proc := p.take()
	if proc == nil {
		return nil
	}
	if err := proc.stop(ctx, syscall.SIGTERM, 40*time.Second); err != nil {
		return err
	}
	if proc.err != nil {
		return proc.failure(proc.err)
	}
	return nil
}

// Kill ends the program with SIGKILL.
func (p *Program) Kill() {
	if proc := p.take(); proc != nil {
		proc.kill()
	}
}

// Running tells whether the process lives.
func (p *Program) Running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.proc != nil && p.proc.running()
}

// PID is the process id; 0 while none runs.
func (p *Program) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.proc.pid()
}

// Ended says how the process ended, as in "signal: killed"; "" while it runs.
func (p *Program) Ended() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc == nil || p.proc.running() || p.proc.err == nil {
		return ""
	}
	return p.proc.err.Error()
}

func (p *Program) take() *process {
	p.mu.Lock()
	defer p.mu.Unlock()
	proc := p.proc
	p.proc = nil
	return proc
}
