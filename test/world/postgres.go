package world

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Postgres is a PostgreSQL server with fsync on: what it acknowledged survives
// Stop, Kill and Start. It accepts anyone from 127.0.0.1 as any role.
type Postgres struct {
	URL     string // superuser, database "auditflow"
	DataDir string
	BinDir  string
	Version string // "15.18"

	workspace *workspace
	name      string   // of its directory, log and process
	settings  []string // beyond our own
	user      *account
	port      int
	created   atomic.Int64 // databases, for their names

	mu     sync.Mutex // held while the server starts or stops
	proc   *process   // nil when stopped
	killed bool       // backends of a killed server may still be ending
}

const postgresDatabase = "auditflow"

func newPostgres(ws *workspace, name string, settings []string) *Postgres {
	return &Postgres{workspace: ws, name: name, settings: settings}
}

// start creates the cluster when there is none and brings the server up on a
// fresh port.
func (p *Postgres) start(ctx context.Context) (err error) {
	if p.BinDir, err = built("postgres", "initdb", "postgres"); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	if p.Version, err = postgresVersion(ctx, p.BinDir); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	if err := p.prepareData(ctx); err != nil {
		return err
	}
	err = p.startOnFreshPort(ctx)
	if errors.Is(err, errExited) && addressInUse(p.workspace.logFile(p.name)) {
		err = p.startOnFreshPort(ctx)
	}
	if err != nil {
		return err
	}
	return p.ensureDatabase(ctx, postgresDatabase)
}

func postgresVersion(ctx context.Context, binDir string) (string, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(binDir, "postgres"), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask for its version: %w", err)
	}
	fields := strings.Fields(string(out)) // postgres (PostgreSQL) 15.18 (Debian ...)
	if len(fields) < 3 {
		return "", fmt.Errorf("ask for its version: answer %q", out)
	}
	var major int
	if _, err := fmt.Sscanf(fields[2], "%d", &major); err != nil || major < 15 {
		return "", fmt.Errorf("version %s is not 15 or newer", fields[2])
	}
	return fields[2], nil
}

func (p *Postgres) startOnFreshPort(ctx context.Context) (err error) {
	if p.port, err = freePort(); err != nil {
		return err
	}
	p.URL = p.url(postgresDatabase)
	return p.Start(ctx)
}

func (p *Postgres) url(database string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", loopback(p.port), database)
}

// Start starts a stopped or killed server again on the same port, and returns
// when it answers queries. Starting a running server does nothing.
func (p *Postgres) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc != nil && p.proc.running() {
		return nil
	}
	err := p.run(ctx)
	// While a backend of the killed server lives, the new one refuses to start.
	for deadline := time.Now().Add(10 * time.Second); p.killed && errors.Is(err, errExited) && time.Now().Before(deadline); {
		err = p.run(ctx)
	}
	p.killed = p.killed && err != nil
	return err
}

func (p *Postgres) run(ctx context.Context) error {
	proc, err := p.workspace.start(command{
		name: p.name,
		path: filepath.Join(p.BinDir, "postgres"),
		args: p.args(),
		dir:  p.DataDir,
		user: p.user.credential(),
		last: syscall.SIGQUIT, // so that it removes its shared memory
	})
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	p.proc = proc
	return proc.awaitReady(ctx, p.answers)
}

func (p *Postgres) args() []string {
	settings := []string{
		"listen_addresses=127.0.0.1",
		"port=" + strconv.Itoa(p.port),
		"unix_socket_directories=",
		"max_connections=200",
		"shared_buffers=128MB",
		"max_locks_per_transaction=256", // a statement over years of partitions locks each of them
		"timezone=UTC",
		"log_timezone=UTC",
		"logging_collector=off",
		"log_line_prefix=%m [%p] %d ",
	}
	args := []string{"-D", p.DataDir}
	for _, s := range append(settings, p.settings...) { // of two with one name the last counts
		args = append(args, "-c", s)
	}
	return args
}

func (p *Postgres) answers(ctx context.Context) error {
	return p.admin(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SELECT 1")
		return err
	})
}

// admin runs do on a connection to the database that always exists.
func (p *Postgres) admin(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, p.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return do(conn)
}

// ensureDatabase creates a database unless an earlier run did.
func (p *Postgres) ensureDatabase(ctx context.Context, name string) error {
	err := p.createDatabase(ctx, name, "")
	const duplicateDatabase = "42P04"
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == duplicateDatabase {
		return nil
	}
	return err
}

// NewDatabase creates a database with a name of its own and returns its URL. It
// is a copy of template when that is not empty; nobody may be connected to the
// template meanwhile.
func (p *Postgres) NewDatabase(ctx context.Context, template string) (string, error) {
	name := fmt.Sprintf("world_%x_%d", time.Now().UnixNano(), p.created.Add(1))
	if err := p.createDatabase(ctx, name, template); err != nil {
		return "", err
	}
	return p.url(name), nil
}

func (p *Postgres) createDatabase(ctx context.Context, name, template string) error {
	statement := "CREATE DATABASE " + pgx.Identifier{name}.Sanitize()
	if template != "" {
		statement += " TEMPLATE " + pgx.Identifier{template}.Sanitize()
	}
	err := p.admin(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, statement)
		return err
	})
	if err != nil {
		return fmt.Errorf("postgres: create database %s (template %q): %w", name, template, err)
	}
	return nil
}

// Stop ends the server at once, breaking its connections, without a last
// checkpoint (an "immediate shutdown"); the next Start recovers from the log.
// Stopping a stopped server does nothing.
func (p *Postgres) Stop(ctx context.Context) error { return p.shutdown(ctx, syscall.SIGQUIT) }

func (p *Postgres) shutdown(ctx context.Context, sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc == nil {
		return nil
	}
	proc := p.proc
	p.proc = nil
	return proc.stop(ctx, sig, 30*time.Second)
}

// Kill sends SIGKILL to the postmaster and returns when it is gone; its
// backends notice and end within moments. Start brings the server back.
func (p *Postgres) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc == nil {
		return errors.New("postgres: kill: it is not running")
	}
	p.proc.kill()
	p.proc, p.killed = nil, true
	return nil
}

func (p *Postgres) close() error {
	if p.workspace.temporary {
		return p.Stop(context.Background())
	}
	const fast = syscall.SIGINT // with a checkpoint: the next start has nothing to recover
	return p.shutdown(context.Background(), fast)
}

func (p *Postgres) String() string {
	return fmt.Sprintf("PostgreSQL %s on %s", p.Version, loopback(p.port))
}
