package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/cmd/internal/work"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/store/archive"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

// year2025 is when the old records of these tests were created: expired by now,
// whenever that is.
var year2025 = time.Date(2025, 1, 15, 8, 0, 0, 0, time.UTC)

// recordOf is one of that time.
func recordOf(uid string, created time.Time) audit.Record {
	r := succeeded(uid, 0)
	shift := created.Sub(r.CreatedAt)
	for _, at := range []*time.Time{&r.CreatedAt, &r.StartTime, &r.EndTime, &r.CompletedAt} {
		*at = at.Add(shift)
	}
	return digested(r)
}

// estate is a database, a bucket and a namespace in Temporal of its own, with old
// records and new ones.
type estate struct {
	environment
	store   *postgres.Store
	bucket  *archive.Archive
	dir     string // of the bucket
	old     []audit.Record
	new     []audit.Record
	client  client.Client
	plan    workflows.Maintenance
	tempora temporalclient.Config
}

func newEstate(t *testing.T) *estate {
	t.Helper()
	e, store := database(t)
	s := &estate{environment: e, store: store, dir: t.TempDir()}
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i := range 5 {
		later := time.Duration(i) * time.Microsecond
		s.old = append(s.old, recordOf(fmt.Sprint("old-", i), year2025.Add(later)))
		s.new = append(s.new, recordOf(fmt.Sprint("new-", i), now.Add(later))) // by the clock of the worker
	}
	_, err := store.Append(t.Context(), slices.Concat(s.old, s.new))
	must(t, err)
	s.variables[variableBucket] = "file://" + s.dir
	s.bucket, err = archive.Open(t.Context(), archive.Config{URL: s.variables[variableBucket]})
	must(t, err)
	t.Cleanup(func() { must(t, s.bucket.Close()) })
	return s
}

// filed archives January 2025 as a run would, without Temporal.
func (s *estate) filed(t *testing.T) {
	t.Helper()
	period := audit.PeriodOf(audit.Monthly, year2025)
	rows := s.store.Export(t.Context(), "kubernetes_execution_audit_2025_01", audit.Key{}, time.Time{})
	segments, err := s.bucket.Write(t.Context(), period, rows, nil, func(audit.Segment) {})
	must(t, err)
	m := audit.Manifest{
		Format: audit.ManifestFormat, Table: "kubernetes_execution_audit", Period: period.Suffix(), Start: period.Start, End: period.End,
		Number: 1, Schema: 7, Segments: segments, ArchivedAt: noon,
		Rows: segments[0].Rows, Bytes: segments[0].Bytes, Digest: segments[0].Digest, First: segments[0].First, Last: segments[0].Last,
	}
	published, err := s.bucket.Publish(t.Context(), m)
	must(t, err)
	must(t, s.store.NoteArchived(t.Context(), published))
}

// forget drops January 2025 from the database, as retention would have.
func (s *estate) forget(t *testing.T) {
	t.Helper()
	const name = "kubernetes_execution_audit_2025_01"
	period := audit.PeriodOf(audit.Monthly, year2025)
	must(t, s.store.Detach(t.Context(), name))
	must(t, s.store.Drop(t.Context(), name, int64(len(s.old)), audit.Tombstone{
		What: audit.DeletedPartition, Name: name, Start: period.Start, End: period.End, Rows: int64(len(s.old)),
		Why: "its youngest row can be no younger than 90d", Policy: "partitions after 90d", DeletedAt: noon,
	}))
}

// segment is the path of the only Parquet file in the bucket.
func (s *estate) segment(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "kubernetes_execution_audit", "period=2025_01", "part-*.parquet"))
	must(t, err)
	if len(files) != 1 {
		t.Fatalf("%d segments", len(files))
	}
	return files[0]
}

// temporal gives the estate a namespace of its own.
func (s *estate) temporal(t *testing.T) {
	t.Helper()
	s.tempora = temporalclient.Config{
		Address: servers.Temporal.Address, Namespace: fmt.Sprintf("estate-%d", time.Now().UnixNano()), Identity: t.Name(),
	}
	s.variables[variableAddress], s.variables[variableNamespace] = s.tempora.Address, s.tempora.Namespace
	c, err := temporalclient.Dial(s.tempora, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(c.Close)
	s.client = c
	_, err = c.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: s.tempora.Namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	must(t, err)
	until(t, "the namespace can be used", func() bool {
		return temporalclient.Prepare(t.Context(), c, s.tempora.Namespace, workflows.SearchAttributes()) == nil
	})
}

// work runs a worker for maintenance, and its schedules, for as long as the test
// takes. They do nothing of their own accord until next year but for the first
// creation of partitions, which it waits for.
func (s *estate) work(t *testing.T) {
	t.Helper()
	s.plan = workflows.Defaults()
	never := "0 0 1 1 *"
	s.plan.CreateCron, s.plan.TierCron, s.plan.ArchiveCron, s.plan.RetentionCron = never, never, never, never
	m := &activities.Maintain{
		Partitions: s.store, Archive: s.bucket, Deliveries: worker.NewDeliveries(s.client),
		ErrorClass: classOfEither, Metrics: activities.NewMaintenanceMetrics(prometheus.NewRegistry(), workflows.Tasks()...),
	}
	for _, schedule := range s.plan.Schedules() {
		until(t, "schedule "+schedule.ID+" is there", func() bool {
			_, err := worker.Converge(t.Context(), s.client, schedule)
			return err == nil
		})
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- worker.RunMaintenance(ctx, s.client, worker.MaintenanceConfig{DrainTimeout: time.Second}, m, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	until(t, "the first partitions are created", func() bool {
		there, err := s.client.ScheduleClient().GetHandle(t.Context(), workflows.ScheduleCreatePartitions).Describe(t.Context())
		return err == nil && len(there.Info.RecentActions) > 0 && len(there.Info.RunningWorkflows) == 0
	})
}

// classOfEither is that of the store an error is of.
func classOfEither(err error) string {
	if _, ok := errors.AsType[*postgres.Error](err); ok {
		return postgres.Class(err)
	}
	return archive.Class(err)
}

// refused is the stderr of a command that must end with this exit code.
func (e environment) refused(t *testing.T, code int, args ...string) string {
	t.Helper()
	o := e.execute(t, args...)
	if o.code != code {
		t.Errorf("auditctl %s: exit code %d, want %d: %s%s", strings.Join(args, " "), o.code, code, o.stdout, o.stderr)
	}
	return o.stderr
}

func TestTheLifeOfAPeriodIsDrivenAndTold(t *testing.T) {
	t.Parallel()
	s := newEstate(t)
	s.temporal(t)
	s.work(t)

	steps := s.answer(t, "archive", "run", "--dry-run")
	contains(t, "what is due", steps, "2025_01", "is not archived", "1 of ")
	contains(t, "archive run", s.answer(t, "archive", "run"), "2025_01  done     archived 5 rows", "5 rows archived")
	contains(t, "the archive", s.answer(t, "archive", "list"), "2025_01     5", "both", "1 period, 5 rows")
	contains(t, "what is due then", s.answer(t, "archive", "run", "--dry-run"), "all of its 5 rows are archived", "0 of ")

	if stderr := s.refused(t, exitOK, "hold", "place", "--action", "scale-deployment", "--reason", "a case"); stderr != "" {
		t.Errorf("hold: %s", stderr)
	}
	contains(t, "the plan of what is held", s.answer(t, "retention", "plan"), "keep    database  kubernetes_execution_audit_2025_01  is held by hold 1")
	contains(t, "a run over what is held", s.answer(t, "retention", "run"), "2025_01  kept     is held by hold 1")
	contains(t, "release", s.answer(t, "hold", "release", "1"), "kubernetes_execution_audit_2025_01")

	contains(t, "the plan", s.answer(t, "retention", "plan"), "drop    database  kubernetes_execution_audit_2025_01", "1 to drop", "keep    archive   2025_01", "kept for ever")
	contains(t, "retention run", s.answer(t, "retention", "run"), "2025_01  done     dropped, 5 rows")
	contains(t, "the log", s.answer(t, "retention", "log"), "partition  kubernetes_execution_audit_2025_01     5", "1 tombstone")
	if got := lines[row](t, s.answer(t, "find", "-o", "json")); len(got) != 5 {
		t.Errorf("%d rows are left", len(got))
	}
	contains(t, "verify", s.answer(t, "verify"), "2025_01  intact      5", "1 period, 5 rows")
}

func TestARunThatFailsSaysWhatAndEndsWith1(t *testing.T) {
	t.Parallel()
	s := newEstate(t)
	s.temporal(t)
	s.work(t)
	s.sql(t, `UPDATE kubernetes_execution_audit SET output = 'never said' WHERE created_at < '2026-01-01' AND id = $1`, s.old[2].ID)
	o := s.execute(t, "archive", "run")
	if o.code != exitNo {
		t.Errorf("%+v", o)
	}
	contains(t, "the report", o.stdout, "2025_01  failed", s.old[2].ID)
	contains(t, "stderr", o.stderr, "1 failed")
	if strings.Contains(o.stdout+o.stderr, "never said") {
		t.Error("tells what is in a record")
	}
	o = s.execute(t, "archive", "run", "-o", "json")
	if o.code != exitNo || !strings.Contains(o.stdout, `"failed": `) {
		t.Errorf("as JSON: %+v", o)
	}
}

func TestPartitionsAreCreatedAsFarAheadAsWasSaid(t *testing.T) {
	t.Parallel()
	s := newEstate(t)
	s.temporal(t)
	s.work(t)
	contains(t, "what is missing", s.answer(t, "partitions", "create", "--dry-run", "--ahead", "2"), "2026_03", "2026_04", "2026_05", "partitions would be created")
	ahead := func(n int) string {
		return audit.PeriodOf(audit.Monthly, time.Now().AddDate(0, n, 1-time.Now().Day())).Suffix()
	}
	contains(t, "created", s.answer(t, "partitions", "create", "--ahead", "5"), ahead(5)+"  done     created")
	contains(t, "the list", s.answer(t, "partitions", "list"), "kubernetes_execution_audit_"+ahead(5))
	if text := s.answer(t, "partitions", "create"); !strings.HasPrefix(text, "0 created") {
		t.Errorf("the schedule's three are there: %s", text)
	}
	contains(t, "tiers", s.answer(t, "partitions", "tier"), "there are no tablespaces")
}

// interruptingAt ends the context when a text is written, as Ctrl-C would.
type interruptingAt struct {
	strings.Builder
	text      string
	interrupt context.CancelFunc
}

func (w *interruptingAt) Write(b []byte) (int, error) {
	n, err := w.Builder.Write(b)
	if strings.Contains(w.String(), w.text) {
		w.interrupt()
	}
	return n, err
}

func TestWithoutAScheduleOrAWorkerItIsSaidSo(t *testing.T) {
	t.Parallel()
	s := newEstate(t)
	s.temporal(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p, stderr := s.program(), &interruptingAt{text: "No worker is at work on audit-maintenance", interrupt: cancel}
	p.stdout, p.stderr = io.Discard, stderr
	if code := p.run(ctx, []string{"partitions", "tier"}); code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
	contains(t, "stderr", stderr.String(), "There is no schedule audit-tier", stderr.text, "The run goes on without us")
	s.variables[variableAddress] = "127.0.0.1:1"
	contains(t, "without Temporal", s.refused(t, exitFailed, "archive", "run"), "127.0.0.1:1", "--temporal-address")
}

func TestTheWorkersFileIsUnderstood(t *testing.T) {
	t.Parallel()
	_, yaml, _ := strings.Cut(work.Program.Long, "have defaults):\n")
	yaml, _, found := strings.Cut(yaml, "Exit codes:")
	if !found {
		t.Fatal("the worker's help has no configuration any more")
	}
	yaml = strings.ReplaceAll(yaml, "postgres://…", "postgres://auditor@db/audit")
	path := filepath.Join(t.TempDir(), "worker.yaml")
	must(t, writeFile(path, yaml))
	p := environment{}.program()
	p.flags.config = path
	if _, err := p.upkeep(); err != nil {
		t.Error(err)
	}
	must(t, writeFile(path, yaml+"\n  listens: x\n"))
	if _, err := p.upkeep(); err == nil || !strings.Contains(err.Error(), "listens") {
		t.Errorf("a key that is none: %v", err)
	}
}
