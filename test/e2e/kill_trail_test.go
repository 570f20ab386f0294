package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/store/archive"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/test/world"
	"github.com/auditflow/auditflow/workflows"
)

const day = 24 * time.Hour

// trail is a database, a bucket and a namespace with a maintaining worker that is
// killed again and again.
type trail struct {
	*testing.T
	worker   *world.Program
	temporal client.Client
	owner    *pgxpool.Pool
	store    *postgres.Store
	bucket   *archive.Archive
	records  []audit.Record
}

// newTrail makes one with a copy of the template's rows. Nothing runs yet.
func newTrail(t *testing.T, workers *world.Workers, name, template string, records []audit.Record) *trail {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	tr := &trail{T: t, records: slices.Clone(records), temporal: newNamespace(t, name)}
	address, err := stage.Postgres.NewDatabase(t.Context(), template)
	must(err)
	bucket := "file://" + filepath.ToSlash(t.TempDir())
	tr.worker, err = workers.New(t.Context(), name, address, bucket)
	must(err)
	t.Cleanup(tr.worker.Kill)
	tr.owner, err = pgxpool.New(t.Context(), address)
	must(err)
	t.Cleanup(tr.owner.Close)
	tr.store, err = postgres.Open(t.Context(), postgres.Config{URL: address})
	must(err)
	t.Cleanup(tr.store.Close)
	tr.bucket, err = archive.Open(t.Context(), archive.Config{URL: bucket})
	must(err)
	t.Cleanup(func() { _ = tr.bucket.Close() })
	return tr
}

func newNamespace(t *testing.T, name string) client.Client {
	t.Helper()
	quiet := sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	namespaces, err := client.NewNamespaceClient(client.Options{HostPort: stage.Temporal.Address, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer namespaces.Close()
	err = namespaces.Register(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(day)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.NewLazyClient(client.Options{HostPort: stage.Temporal.Address, Namespace: name, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	eventually(t, time.Minute, "the namespace to be known everywhere", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		return temporalclient.Prepare(ctx, c, name, workflows.SearchAttributes())
	})
	return c
}

var errDied = errors.New("the worker died")

// trigger runs a schedule now, whatever else of it is still under way, and
// returns the report of that run, or errDied when the worker was killed meanwhile.
func (tr *trail) trigger(ctx context.Context, schedule string) (report workflows.Report, err error) {
	var run client.WorkflowRun
	// The schedule is there a moment after the worker has begun.
	if err := tr.await(ctx, func() (err error) { run, err = tr.begin(ctx, schedule); return err }); err != nil {
		return report, err
	}
	err = tr.await(ctx, func() error {
		d, err := tr.temporal.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
		if err == nil && d.WorkflowExecutionInfo.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			err = fmt.Errorf("it has not ended: %v", d.PendingActivities)
		}
		return err
	})
	if err != nil {
		return report, err
	}
	return report, run.Get(ctx, &report)
}

// begin triggers a schedule and waits a while for the run. Of two runs in one
// second, which would have the same name, the server may begin only one.
func (tr *trail) begin(ctx context.Context, schedule string) (client.WorkflowRun, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	handle := tr.temporal.ScheduleClient().GetHandle(ctx, schedule)
	before, err := handle.Describe(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, a := range before.Info.RecentActions {
		known[a.StartWorkflowResult.FirstExecutionRunID] = true
	}
	if err := handle.Trigger(ctx, client.ScheduleTriggerOptions{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER}); err != nil {
		return nil, err
	}
	var run client.WorkflowRun
	err = tr.await(ctx, func() error {
		d, err := handle.Describe(ctx)
		if err != nil {
			return err
		}
		for _, a := range d.Info.RecentActions {
			if began := a.StartWorkflowResult; !known[began.FirstExecutionRunID] {
				run = tr.temporal.GetWorkflow(ctx, began.WorkflowID, began.FirstExecutionRunID)
				return nil
			}
		}
		return errors.New("it has not begun")
	})
	return run, err
}

// await tries until it is well, or the worker is dead.
func (tr *trail) await(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		if !tr.worker.Running() {
			return errDied
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// maintain runs everything once.
func (tr *trail) maintain(ctx context.Context) error {
	for _, schedule := range []string{workflows.ScheduleTier, workflows.ScheduleArchive, workflows.ScheduleRetention} {
		if _, err := tr.trigger(ctx, schedule); err != nil {
			return fmt.Errorf("%s: %w", schedule, err)
		}
	}
	return nil
}

// converges maintains until all is as it must be.
func (tr *trail) converges(patience time.Duration, rules rules) {
	tr.Helper()
	eventually(tr.T, patience, "everything to be in its place", func(ctx context.Context) error {
		if err := tr.maintain(ctx); err != nil {
			return err
		}
		return tr.settled(ctx, rules)
	})
}

// rules say what must have become of the rows.
type rules struct {
	mode      audit.RetentionMode
	began     time.Time // before any run
	retention time.Duration
	archive   time.Duration // 0 is for ever
	tier      string        // where partitions that ended a week ago are
}

// settled tells what is not as it must be.
func (tr *trail) settled(ctx context.Context, rules rules) error {
	live, archived, err := tr.rows(ctx)
	if err != nil {
		return err
	}
	for i := range tr.records {
		if err := rules.check(&tr.records[i], live, archived); err != nil {
			return err
		}
	}
	return errors.Join(tr.nothingLeft(ctx), tr.tombstonesAddUp(ctx, live), tr.partitionsAre(ctx, rules))
}

func (r rules) check(record *audit.Record, live, archived map[[16]byte][32]byte) error {
	e, err := record.Entry()
	if err != nil {
		return err
	}
	end := record.CreatedAt // from when on its age counts
	if r.mode == audit.RetainPartitions {
		end = audit.PeriodOf(audit.Monthly, record.CreatedAt).End
	}
	month := audit.PeriodOf(audit.Monthly, record.CreatedAt)
	expired := !end.After(r.began.Add(-r.retention))
	gone := r.archive > 0 && !month.End.After(r.began.Add(-r.archive))
	digest, isLive := live[e.ID]
	archivedDigest, isArchived := archived[e.ID]
	at := record.CreatedAt.Format(time.DateOnly)
	switch {
	case isLive && digest != e.Digest, isArchived && archivedDigest != e.Digest:
		return fmt.Errorf("row %s of %s has another digest", record.ID, at)
	case gone && (isLive || isArchived):
		return fmt.Errorf("row %s of %s is still there (database: %t, archive: %t)", record.ID, at, isLive, isArchived)
	case !gone && !isLive && !isArchived:
		return fmt.Errorf("row %s of %s is lost", record.ID, at)
	case expired && isLive:
		return fmt.Errorf("row %s of %s is still in the database", record.ID, at)
	case end.After(r.began.Add(time.Hour-r.retention)) && !isLive:
		return fmt.Errorf("row %s of %s has left the database too soon", record.ID, at)
	}
	return nil
}

// rows are those in the database and those in the archive; none may be twice in
// one of them.
func (tr *trail) rows(ctx context.Context) (live, archived map[[16]byte][32]byte, err error) {
	live, archived = map[[16]byte][32]byte{}, map[[16]byte][32]byte{}
	all, err := tr.store.Partitions(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range all {
		for e, err := range tr.store.Entries(ctx, p.Name, time.Time{}) {
			if err != nil {
				return nil, nil, err
			}
			if _, twice := live[e.ID]; twice {
				return nil, nil, fmt.Errorf("row %s is in the database twice", e.Key().ID)
			}
			live[e.ID] = e.Digest
		}
	}
	for row, err := range tr.bucket.Read(ctx, time.Time{}, time.Time{}, "") {
		if err != nil {
			return nil, nil, err
		}
		e, err := row.Entry()
		if err != nil {
			return nil, nil, err
		}
		archived[e.ID] = e.Digest
	}
	return live, archived, tr.manifestsAddUp(ctx, len(archived))
}

// manifestsAddUp tells whether any row is named by two manifests, whether the
// catalogue knows each of them, and whether all is intact.
func (tr *trail) manifestsAddUp(ctx context.Context, rows int) error {
	periods, err := tr.bucket.Periods(ctx)
	if err != nil {
		return err
	}
	named := 0
	for _, p := range periods {
		known, err := tr.store.Archived(ctx, p.Suffix())
		if err != nil {
			return err
		}
		manifests, err := tr.bucket.Manifests(ctx, p.Suffix())
		if err != nil {
			return err
		}
		if len(known) != len(manifests) {
			return fmt.Errorf("of %s the catalogue knows %d manifests, the bucket %d", p.Suffix(), len(known), len(manifests))
		}
		for _, m := range manifests {
			named += int(m.Rows)
		}
		finding, err := tr.bucket.Verify(ctx, p.Suffix(), known, func(int64) {})
		if err != nil {
			return err
		}
		if finding.Verdict != audit.Intact {
			return fmt.Errorf("%s is %s: %s", p.Suffix(), finding.Verdict, strings.Join(finding.Faults, "; "))
		}
	}
	if named != rows {
		return fmt.Errorf("manifests name %d rows, there are %d", named, rows)
	}
	return nil
}

// nothingLeft tells of what a step that died has left behind.
func (tr *trail) nothingLeft(ctx context.Context) error {
	const find = `
		SELECT 'table ' || relname FROM pg_class WHERE relkind = 'r' AND relname ~ '_(moving|moved)$'
		UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgname = 'auditflow_mirror'
		UNION ALL SELECT 'check of ' || conrelid::regclass FROM pg_constraint WHERE conname = 'auditflow_moving'
		UNION ALL SELECT 'move of ' || table_name FROM auditflow_move
		UNION ALL SELECT 'detached ' || table_name FROM auditflow_detached
		UNION ALL SELECT 'detaching ' || inhrelid::regclass FROM pg_inherits WHERE inhdetachpending
		UNION ALL SELECT 'table without a parent: ' || c.relname FROM pg_class c WHERE c.relkind = 'r'
			AND c.relname ~ '^kubernetes_execution_audit_(\d|w\d)' AND NOT c.relispartition`
	rows, err := tr.owner.Query(ctx, find)
	if err != nil {
		return err
	}
	defer rows.Close()
	var left []string
	for rows.Next() {
		var what string
		if err := rows.Scan(&what); err != nil {
			return err
		}
		left = append(left, what)
	}
	if len(left) > 0 {
		return fmt.Errorf("left behind: %s", strings.Join(left, ", "))
	}
	return rows.Err()
}

// tombstonesAddUp compares what tombstones tell of with what is gone.
func (tr *trail) tombstonesAddUp(ctx context.Context, live map[[16]byte][32]byte) error {
	all, err := tr.store.Tombstones(ctx, 0)
	if err != nil {
		return err
	}
	told := 0
	for _, t := range all {
		if t.What != audit.DeletedArchive {
			told += int(t.Rows)
		}
	}
	if gone := len(tr.records) - len(live); told != gone {
		return fmt.Errorf("tombstones tell of %d rows, %d have left the database", told, gone)
	}
	return nil
}

// partitionsAre tells whether every partition is where its age belongs, and which
// should be there no longer.
func (tr *trail) partitionsAre(ctx context.Context, rules rules) error {
	all, err := tr.store.Partitions(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		switch ended := rules.began.Sub(p.Period.End); {
		case ended >= rules.retention:
			return fmt.Errorf("%s is still there", p.Name)
		case ended >= 7*lifecycle.Day && rules.tier != "" && p.Tablespace != rules.tier:
			return fmt.Errorf("%s is in tablespace %q", p.Name, p.Tablespace)
		}
	}
	return nil
}
