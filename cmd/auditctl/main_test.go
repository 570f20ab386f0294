package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/test/world"
)

var update = flag.Bool("update", false, "write the golden files anew")

// servers are shared by all tests; each has a database of its own, cloned from
// template, which is migrated.
var (
	servers  *world.World
	template string
)

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if servers, err = world.Start(ctx, world.Options{PostgreSQL: true, Temporal: true}); err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := servers.Stop(); err == nil {
			err = stopErr
		}
	}()
	address, err := servers.Postgres.NewDatabase(ctx, "")
	if err != nil {
		return 1, err
	}
	store, err := postgres.Open(ctx, postgres.Config{URL: address})
	if err != nil {
		return 1, err
	}
	err = store.Migrate(ctx)
	store.Close()
	if err != nil {
		return 1, err
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return 1, err
	}
	template = strings.TrimPrefix(parsed.Path, "/")
	return m.Run(), nil
}

// noon is when all tests take place.
var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// outcome is what somebody sees who runs auditctl.
type outcome struct {
	code           int
	stdout, stderr string
}

// environment is what a command line is run with.
type environment struct {
	variables map[string]string
	person    bool
	width     int
	input     string // what somebody types
}

func (e environment) execute(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := e.program()
	p.stdout, p.stderr = &stdout, &stderr
	code := p.run(t.Context(), args)
	return outcome{code, stdout.String(), stderr.String()}
}

func (e environment) program() *program {
	return &program{
		stdin:  strings.NewReader(e.input),
		env:    func(name string) (string, bool) { value, ok := e.variables[name]; return value, ok },
		now:    func() time.Time { return noon },
		person: e.person, width: e.width,
	}
}

// database is the environment of a migrated database of its own, and the store.
func database(t *testing.T) (environment, *postgres.Store) {
	t.Helper()
	return environmentOf(t, template)
}

func environmentOf(t *testing.T, template string) (environment, *postgres.Store) {
	t.Helper()
	address, err := servers.Postgres.NewDatabase(t.Context(), template)
	must(t, err)
	store, err := postgres.Open(t.Context(), postgres.Config{URL: address, MaxConns: 2})
	must(t, err)
	t.Cleanup(store.Close)
	return environment{variables: map[string]string{variableDatabase: address}}, store
}

// golden compares with testdata/<name>.golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		must(t, os.MkdirAll("testdata", 0o750))
		must(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func contains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s does not tell %q:\n%s", what, part, text)
		}
	}
}

// lines decodes one JSON object per line.
func lines[T any](t *testing.T, text string) (all []T) {
	t.Helper()
	for line := range strings.Lines(text) {
		var v T
		d := json.NewDecoder(strings.NewReader(line))
		must(t, d.Decode(&v))
		all = append(all, v)
	}
	return all
}

// succeeded is a record of an execution that did, at some minutes before noon.
func succeeded(uid string, minutes int) audit.Record {
	created := noon.Add(-time.Duration(minutes) * time.Minute)
	took, exit := 90*time.Second, int32(0)
	return digested(audit.Record{
		ID: audit.ID("prod-eu", uid), ExecutionID: "execution-" + uid, WorkflowRef: "alert-1", StepIndex: 2,
		ActionType: "scale-deployment", ActionParameters: json.RawMessage(`{"replicas":3}`),
		TargetNamespace: "prod-shop", TargetResourceKind: "Deployment", TargetResourceName: "cart",
		Success: true, Output: "scaled\n", StartTime: created.Add(time.Second), EndTime: created.Add(time.Second + took), Duration: &took,
		JobName: "job-" + uid, JobPodName: "job-" + uid + "-x7", JobExitCode: &exit, JobExitReason: "Completed",
		JobResourceUsage: &audit.ResourceUsage{CPUMillicores: 250, MemoryBytes: 256 << 20}, ResourceUsageSource: "requests",
		MaxRetries: 3, CreatedAt: created, CompletedAt: created.Add(time.Second + took), Phase: "Completed",
		Cluster: "prod-eu", ExecutionNamespace: "kubernaut", ExecutionUID: uid, Source: "KubernetesExecution",
		DeliveredBy: "audit/KubernetesExecution/" + uid, Policy: "builtin-2",
	})
}

// hostile is a record that failed, and whose texts are out to do harm.
func hostile(uid string, minutes int) audit.Record {
	r := succeeded(uid, minutes)
	exit, signal, took := int32(137), int32(9), 12_345_678*time.Microsecond
	r.ExecutionID, r.TargetResourceName, r.WorkflowRef = `=cmd|'/C calc'!A0`, "txt.\u202eexe", "-5"
	r.ActionType, r.Success, r.Phase = "run, \"quoted\"", false, "Failed"
	r.Output = "\x1b[2J\x1b]0;title\agone\r\n+1\n\u009b31m日本"
	r.Error = "@SUM(1)\n\tsecond line"
	r.Duration, r.EndTime, r.CompletedAt = &took, r.StartTime.Add(took), r.StartTime.Add(took)
	r.JobExitCode, r.JobSignal, r.JobExitReason, r.JobResourceUsage, r.ResourceUsageSource = &exit, &signal, "OOMKilled", nil, ""
	r.RetryCount = 2
	r.Redactions = []audit.Redaction{{Rule: "aws-access-token", Path: "output", Count: 2}, {Rule: "private-key", Path: "action_parameters.key", Count: 1}}
	r.Notes = []audit.Note{{Change: audit.ChangeNUL, Path: "error", Count: 1}}
	return digested(r)
}

// bare is a record of which nothing is known that need not be.
func bare(uid string, minutes int) audit.Record {
	return digested(audit.Record{
		ID: audit.ID("prod-eu", uid), ExecutionID: "execution-" + uid, ActionType: "drain-node",
		CreatedAt: noon.Add(-time.Duration(minutes) * time.Minute), Phase: "Executing", Cluster: "prod-eu", Source: "KubernetesExecution",
	})
}

func digested(r audit.Record) audit.Record {
	r = r.Normalise()
	r.RecordSHA256 = r.Digest()
	return r
}

// stored makes a row of a record as the database would.
func stored(r audit.Record) row {
	return row{Record: r, PersistedAt: r.CreatedAt.Add(2 * time.Minute), Table: "kubernetes_execution_audit_2026_03"}
}

func writeFile(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) (string, error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
