//go:build kills

package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/auditflow/auditflow/audit"
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
