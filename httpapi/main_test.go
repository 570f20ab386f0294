package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.uber.org/goleak"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/test/world"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

// One world for all tests, with a worker; each test has doors of its own.
var (
	servers  *world.World
	temporal client.Client
	starter  *workflows.Starter
	store    *postgres.Store
	db       *pgxpool.Pool
	quiet    = slog.New(slog.DiscardHandler)
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if code == 0 && err == nil {
		err = goleak.Find() // the servers are gone by now
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if servers, err = world.Start(ctx, world.Options{Kubernetes: true, Temporal: true, PostgreSQL: true}); err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := servers.Stop(); err == nil {
			err = stopErr
		}
	}()
	if temporal, err = client.Dial(client.Options{HostPort: servers.Temporal.Address, Logger: sdklog.NewStructuredLogger(quiet)}); err != nil {
		return 1, err
	}
	defer temporal.Close()
	if err := temporalclient.Prepare(ctx, temporal, servers.Temporal.Namespace, workflows.SearchAttributes()); err != nil {
		return 1, err
	}
	if store, err = postgres.Open(ctx, postgres.Config{URL: servers.Postgres.URL}); err != nil {
		return 1, err
	}
	defer store.Close()
	if err := store.Migrate(ctx); err != nil {
		return 1, err
	}
	if db, err = pgxpool.New(ctx, servers.Postgres.URL); err != nil {
		return 1, err
	}
	defer db.Close()
	if starter, err = newStarter(temporal); err != nil {
		return 1, err
	}
	working, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- worker.Run(working, temporal, worker.Config{}, &activities.Deliver{
			Sealer: starter.Sealer, Redactor: starter.Redactor, Store: store,
			ErrorClass: postgres.Class, Metrics: activities.NewMetrics(prometheus.NewRegistry()),
		})
	}()
	code = m.Run()
	stop()
	if code == 0 && flag.Lookup("test.run").Value.String() == "" {
		err = answered.all()
	}
	return code, errors.Join(err, <-ended)
}

func newStarter(c client.Client) (*workflows.Starter, error) {
	var keyset bytes.Buffer
	if err := seal.Generate(&keyset); err != nil {
		return nil, err
	}
	path := filepath.Join(servers.Dir, "keyset.json")
	if err := os.WriteFile(path, keyset.Bytes(), 0o600); err != nil {
		return nil, err
	}
	sealer, err := seal.Load(path)
	if err != nil {
		return nil, err
	}
	redactor, err := redact.NewWith(redact.Options{})
	return &workflows.Starter{Client: c, Sealer: sealer, Redactor: redactor}, err
}

// door is one that listens.
type door struct {
	t       *testing.T
	url     string
	address string
	stop    context.CancelFunc
	ended   chan error
}

type option func(*httpapi.Config, *httpapi.Server)

func open(t *testing.T, options ...option) *door {
	t.Helper()
	registry := prometheus.NewRegistry()
	c := httpapi.Config{
		Starter: starter, Cluster: "prod", Access: httpapi.Access{Everybody: true}, Limits: httpapi.DefaultLimits(),
		Ready:   func(context.Context) error { return nil },
		Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), Registerer: registry, Log: quiet,
	}
	c.Limits.StartTimeout = 20 * time.Second // other tests compete for the machine
	s := httpapi.Server{
		Address: "127.0.0.1:0", Log: quiet, HeaderTimeout: 20 * time.Second, ReadTimeout: 30 * time.Second,
		AnswerTimeout: time.Minute, IdleTimeout: time.Minute, DrainTimeout: 20 * time.Second,
	}
	for _, o := range options {
		o(&c, &s)
	}
	var err error
	if s.Handler, err = httpapi.New(c); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	d := &door{t: t, stop: stop, ended: make(chan error, 1)}
	listening := make(chan net.Addr, 1)
	go func() { d.ended <- s.Run(ctx, func(a net.Addr) { listening <- a }); close(d.ended) }()
	d.address = (<-listening).String()
	d.url = "http://" + d.address
	t.Cleanup(func() { answered.note(t, registry) })
	t.Cleanup(func() {
		stop()
		if err := <-d.ended; err != nil {
			t.Error(err)
		}
	})
	return d
}

func limits(change func(*httpapi.Limits)) option {
	return func(c *httpapi.Config, _ *httpapi.Server) { change(&c.Limits) }
}

// reply is an answer, read whole.
type reply struct {
	*http.Response
	text string
	httpapi.Accepted
	problem httpapi.Problem
}

func (d *door) send(method, path, body string, header ...string) reply {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	return read(d.t, res)
}

func read(t *testing.T, res *http.Response) reply {
	t.Helper()
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := reply{Response: res, text: string(text)}
	if a.text == "" { // of HEAD
		return a
	}
	switch res.Header.Get("Content-Type") {
	case "application/problem+json":
		err = json.Unmarshal(text, &a.problem)
		if a.problem.Status != res.StatusCode {
			t.Errorf("status %d, but the problem says %d", res.StatusCode, a.problem.Status)
		}
	case "application/json":
		if res.StatusCode < 300 && !strings.Contains(a.text, `"results"`) {
			err = json.Unmarshal(text, &a.Accepted)
		}
	}
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return a
}

func (d *door) post(body string, header ...string) reply {
	d.t.Helper()
	return d.send(http.MethodPost, httpapi.PathRecords, body, header...)
}

// want fails the test unless the answer has the status.
func (a reply) want(t *testing.T, status int) reply {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("status %d, want %d: %s", a.StatusCode, status, a.text)
	}
	return a
}

// body is a good record with changes: pairs of a name and the JSON of its value,
// "" for none.
func body(t *testing.T, changes ...string) string {
	t.Helper()
	fields := map[string]json.RawMessage{
		"execution_id": quoted(t.Name()), "workflow_ref": quoted("wf-1"), "action_type": quoted("scale-deployment"),
		"target_namespace": quoted("shop"), "success": json.RawMessage("true"), "created_at": quoted("2026-02-03T04:05:06Z"),
	}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "" {
			delete(fields, changes[i])
		} else {
			fields[changes[i]] = json.RawMessage(changes[i+1])
		}
	}
	var parts []string
	for name, value := range fields {
		parts = append(parts, string(quoted(name))+":"+string(value))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func quoted(s string) json.RawMessage {
	text, _ := json.Marshal(s) // of a string
	return text
}

// lostTemporal is a starter whose Temporal is not there.
func lostTemporal() (*workflows.Starter, error) {
	c, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1", Logger: sdklog.NewStructuredLogger(quiet)})
	return &workflows.Starter{Client: c, Sealer: starter.Sealer, Redactor: starter.Redactor}, err
}
