package world

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

// Temporal is one process: the development server with its state in a SQLite
// file, or the server of production with its state in PostgreSQL, see
// [Options].TemporalStore. Its address and its state are the same after Stop and
// Start.
type Temporal struct {
	Address   string // host:port of the frontend
	UIURL     string // empty unless Options.TemporalUI
	Namespace string // always "default"
	DBFile    string // empty if its state is in PostgreSQL
	// Store is the PostgreSQL with its state, or nil. It may be stopped and killed
	// as any other, which is to Temporal what it would be in production.
	Store *Postgres

	workspace *workspace
	ui        bool
	ownStore  bool // nobody else uses it
	port      int
	uiPort    int

	mu   sync.Mutex // held while the server starts or stops
	proc *process   // nil when stopped
}

func newTemporal(ws *workspace, ui bool) *Temporal {
	return &Temporal{Namespace: client.DefaultNamespace, DBFile: ws.path("temporal.db"), workspace: ws, ui: ui}
}

// start brings the server up for the first time, on fresh ports. A port may be
// taken between choosing and using it, so it tries twice.
func (t *Temporal) start(ctx context.Context) error {
	if err := t.prepareStore(ctx); err != nil {
		return fmt.Errorf("temporal: %w", err)
	}
	err := t.startOnFreshPorts(ctx)
	if errors.Is(err, errExited) && addressInUse(t.workspace.logFile("temporal")) {
		err = t.startOnFreshPorts(ctx)
	}
	return err
}

func (t *Temporal) startOnFreshPorts(ctx context.Context) (err error) {
	if t.port, err = freePort(); err != nil {
		return err
	}
	if t.uiPort, err = freePort(); err != nil {
		return err
	}
	t.Address = loopback(t.port)
	if t.ui {
		t.UIURL = "http://" + loopback(t.uiPort)
	}
	if t.Store != nil {
		if err := t.writeServerConfig(); err != nil {
			return fmt.Errorf("temporal: %w", err)
		}
	}
	return t.Start(ctx)
}

// Start starts a stopped server again and returns when it answers. Starting a
// running server does nothing.
func (t *Temporal) Start(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.proc != nil && t.proc.running() {
		return nil
	}
	program, args, answers := "temporal", t.args(), t.answers
	if t.Store != nil {
		program, args, answers = "temporal-server", t.serverArgs(), t.serverAnswers
	}
	path, err := built(program)
	if err != nil {
		return fmt.Errorf("temporal: %w", err)
	}
	proc, err := t.workspace.start(command{name: "temporal", path: path, args: args})
	if err != nil {
		return fmt.Errorf("temporal: %w", err)
	}
	t.proc = proc
	return proc.awaitReady(ctx, answers)
}

// args names the ports that clients know. The server chooses those for its own
// parts (history, matching, membership, metrics) itself, afresh each time.
func (t *Temporal) args() []string {
	args := []string{
		"server", "start-dev", "--ip", "127.0.0.1", "--port", strconv.Itoa(t.port),
		"--db-filename", t.DBFile, "--log-level", "warn", "--log-format", "json",
		// A worker that stops tells the server; with this, the server ends its
		// polls. Otherwise a task that is handed to a poll just then is lost to
		// its time-out of 10 s (docs/architecture.md, "Settings of the server").
		"--dynamic-config-value", "frontend.enableCancelWorkerPollsOnShutdown=true",
	}
	if !t.ui {
		return append(args, "--headless")
	}
	return append(args, "--ui-port", strconv.Itoa(t.uiPort), "--ui-disable-news-fetch")
}

// answers asks for the namespace, which exists only when the server's database
// and its frontend are both up.
func (t *Temporal) answers(ctx context.Context) error {
	namespaces, err := client.NewNamespaceClient(client.Options{
		HostPort: t.Address,
		Logger:   log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return err
	}
	defer namespaces.Close()
	_, err = namespaces.Describe(ctx, t.Namespace)
	return err
}

// Stop ends the server as an operator would (SIGTERM). Its state stays.
// Stopping a stopped server does nothing.
func (t *Temporal) Stop(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.proc == nil {
		return nil
	}
	proc := t.proc
	t.proc = nil
	return proc.stop(ctx, syscall.SIGTERM, 20*time.Second)
}

// Kill ends the server with SIGKILL; Start brings it back.
func (t *Temporal) Kill() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.proc != nil {
		t.proc.kill()
		t.proc = nil
	}
}

// PID is the server's process id; 0 while it is stopped.
func (t *Temporal) PID() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.proc.pid()
}

func (t *Temporal) close() error {
	var err error
	if t.workspace.temporary { // nobody will read the state: no need to wait for its last words
		t.Kill()
	} else {
		err = t.Stop(context.Background())
	}
	if t.ownStore {
		err = errors.Join(err, t.Store.close())
	}
	return err
}

func (t *Temporal) String() string {
	if t.Store != nil {
		return fmt.Sprintf("Temporal on %s, its state in %s", t.Address, t.Store)
	}
	if t.ui {
		return fmt.Sprintf("Temporal on %s, UI on %s", t.Address, t.UIURL)
	}
	return "Temporal on " + t.Address
}

// addressInUse says whether a server's log complains about its port.
func addressInUse(log string) bool {
	text, err := os.ReadFile(log)
	return err == nil && strings.Contains(string(text), "ddress already in use")
}
