package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/test/world"
	"github.com/auditflow/auditflow/workflows"
)

// These tests break servers that all tests share, so they are not parallel.

// healed is what a delivery may take after a server is back: the longest pause
// between two attempts (20 s) and the time-out of a workflow task whose worker
// died (10 s), with some room.
const healed = 60 * time.Second

// load completes an execution every 200 ms until told to stop, and keeps the
// books. Two of them are about half of what a development server can take here,
// so that what is seen afterwards is recovery, not a backlog.
type load struct {
	mu   sync.Mutex
	done []world.Completion
}

func (l *load) run(ctx context.Context, prefix string) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ctx.Err() == nil; i++ {
		<-tick.C
		c, err := stage.executor.Execute(context.WithoutCancel(ctx), execution(fmt.Sprintf("%s-%d", prefix, i)), world.Plan{Refusal: "not allowed"})
		if err != nil {
			return err
		}
		l.mu.Lock()
		l.done = append(l.done, c)
		l.mu.Unlock()
	}
	return nil
}

// during runs a fault while executions complete, at least n of them.
func during(t *testing.T, prefix string, n int, fault func(ctx context.Context) error) []world.Completion {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	t.Cleanup(mend)
	var l load
	var group errgroup.Group
	for i := range 2 {
		group.Go(func() error { return l.run(ctx, fmt.Sprintf("%s-%d", prefix, i)) })
	}
	if err := fault(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, fmt.Sprintf("%d completions", n), func(context.Context) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.done) < n {
			return fmt.Errorf("there are %d", len(l.done))
		}
		return nil
	})
	stop()
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return l.done
}

// mend starts what a failed test has left broken, for the sake of the next one.
func mend() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := errors.Join(stage.Postgres.Start(ctx), stage.Temporal.Start(ctx), stage.product.Start(ctx))
	if err != nil {
		panic(err) // nothing that follows would mean anything
	}
}

// eachHasOneRow compares the books: every completion has one row and its mark.
func eachHasOneRow(t *testing.T, completions []world.Completion) {
	t.Helper()
	began, last := time.Now(), time.Time{}
	for _, c := range completions {
		row := theRow(t, healed, c.UID)
		if row.Persisted.After(last) {
			last = row.Persisted
		}
		isMarked(t, c.Name, row.ID)
	}
	uids := make([]string, 0, len(completions))
	for _, c := range completions {
		uids = append(uids, string(c.UID))
	}
	var rows int
	if err := stage.db.QueryRow(t.Context(),
		`SELECT count(*) FROM kubernetes_execution_audit WHERE execution_uid = ANY($1)`, uids).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if rows != len(completions) {
		t.Errorf("%d completions have %d rows", len(completions), rows)
	}
	t.Logf("%d completions, %d rows; the last row %.1f s and the last mark %.1f s after the load ended",
		len(completions), rows, last.Sub(began).Seconds(), time.Since(began).Seconds())
}

func TestKillingTheWorkerLosesAndDoublesNothing(t *testing.T) {
	completions := during(t, "worker-killed", 50, func(ctx context.Context) error {
		for range 5 {
			pause(t, time.Second)
			stage.product.Worker.Kill()
			if err := stage.product.Worker.Start(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	eachHasOneRow(t, completions)
}

// A controller that was killed holds its lease for another 15 s.
func TestKillingTheControllerLosesAndDoublesNothing(t *testing.T) {
	completions := during(t, "controller-killed", 50, func(ctx context.Context) error {
		for range 3 {
			pause(t, time.Second)
			stage.product.Controller.Kill()
			if err := stage.product.Controller.Start(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	eachHasOneRow(t, completions)
}

func TestAnOutageOfPostgreSQLIsOutlastedInSightOfEverybody(t *testing.T) {
	completions := during(t, "postgres-away", 100, func(ctx context.Context) error {
		began := time.Now()
		if err := stage.Postgres.Stop(ctx); err != nil {
			return err
		}
		done := execute(t, execution("completes-meanwhile"), world.Plan{})
		showsPendingPersist(t, done.UID)
		pause(t, 20*time.Second-time.Since(began))
		return stage.Postgres.Start(ctx)
	})
	eachHasOneRow(t, completions)
}

// showsPendingPersist waits for what the Temporal UI shows of a delivery that
// cannot persist: the pending activity, its attempts and its last failure.
func showsPendingPersist(t *testing.T, uid types.UID) {
	t.Helper()
	id := workflows.DeliveryID(v1.Kind, string(uid))
	eventually(t, patience, "the pending activity", func(ctx context.Context) error {
		described, err := stage.temporal.DescribeWorkflowExecution(ctx, id, "")
		if err != nil {
			return err
		}
		for _, a := range described.PendingActivities {
			if tried(a) {
				t.Logf("pending: %s, attempt %d of %d, last failure: %s (%s)", a.ActivityType.Name, a.Attempt, a.MaximumAttempts,
					a.LastFailure.Message, a.LastFailure.GetApplicationFailureInfo().GetType())
				if a.MaximumAttempts != 0 {
					t.Errorf("the server was told to give up after %d attempts", a.MaximumAttempts)
				}
				return nil
			}
		}
		return fmt.Errorf("pending activities: %v", described.PendingActivities)
	})
}

func tried(a *workflow.PendingActivityInfo) bool {
	return a.ActivityType.Name == workflows.ActivityPersist && a.Attempt >= 2 && a.LastFailure.GetMessage() != ""
}

func TestRestartingTemporalLosesAndDoublesNothing(t *testing.T) {
	completions := during(t, "temporal-restarts", 100, func(ctx context.Context) error {
		pause(t, time.Second)
		if err := stage.Temporal.Stop(ctx); err != nil {
			return err
		}
		// Reconciling does not wait for Temporal: a new execution is held at once,
		// and one that ends meanwhile stays until Temporal has it.
		ex := execution("begins-meanwhile")
		if _, err := stage.executor.Begin(ctx, ex, world.Plan{Refusal: "x"}); err != nil {
			return err
		}
		isHeld(t, ex)
		done, err := stage.executor.Refuse(ctx, ex, "x")
		if err != nil {
			return err
		}
		if err := stage.executor.Client.Delete(ctx, ex); err != nil {
			return err
		}
		pause(t, 3*time.Second)
		isHeld(t, ex)
		if err := stage.Temporal.Start(ctx); err != nil {
			return err
		}
		theRow(t, healed, done.UID)
		isGone(t, ex)
		return nil
	})
	eachHasOneRow(t, completions)
}

func TestATerminatedDeliveryIsStartedAgain(t *testing.T) {
	t.Cleanup(mend)
	if err := stage.Postgres.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := execute(t, execution("terminated"), world.Plan{Refusal: "x"})
	showsPendingPersist(t, done.UID)
	id := workflows.DeliveryID(v1.Kind, string(done.UID))
	if err := stage.temporal.TerminateWorkflow(t.Context(), id, "", "an operator's mistake"); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, "another run", func(ctx context.Context) error {
		described, err := stage.temporal.DescribeWorkflowExecution(ctx, id, "")
		if err != nil {
			return err
		}
		if status := described.WorkflowExecutionInfo.Status; status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			return fmt.Errorf("the last run is %s", status)
		}
		return nil
	})
	if err := stage.Postgres.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	isMarked(t, done.Name, theRow(t, healed, done.UID).ID)
}

// pause lets a fault last; what is waited for afterwards is a condition.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

func TestSwitchedOffTheControllerRecordsNothingAndHoldsNothing(t *testing.T) {
	t.Cleanup(mend)
	held := execution("held-before")
	if _, err := stage.executor.Begin(t.Context(), held, world.Plan{Refusal: "x"}); err != nil {
		t.Fatal(err)
	}
	isHeld(t, held)

	restore := reconfigure(t, "audit_enabled: false\n")
	if err := stage.executor.Client.Delete(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	isGone(t, held)
	done := execute(t, execution("ends-unrecorded"), world.Plan{Refusal: "x"})

	restore()
	// Switched on again, it finds what it was not asked to record then and what
	// is still there.
	isMarked(t, done.Name, theRow(t, healed, done.UID).ID)
	if rows, err := rowsOf(t.Context(), held.UID); err != nil || len(rows) != 0 {
		t.Errorf("%d rows of what was deleted meanwhile (%v)", len(rows), err)
	}
}

// reconfigure restarts the controller with more configuration; the function it
// returns restarts it as it was.
func reconfigure(t *testing.T, more string) (restore func()) {
	t.Helper()
	return reconfigureTo(t, func(config string) string { return config + more })
}

func reconfigureTo(t *testing.T, change func(string) string) (restore func()) {
	t.Helper()
	c := stage.product.Controller
	before, err := os.ReadFile(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	restart := func(config string) {
		if err := errors.Join(c.Stop(context.Background()), os.WriteFile(c.Config, []byte(config), 0o600), c.Start(context.Background())); err != nil {
			t.Fatal(err)
		}
	}
	restart(change(string(before)))
	return func() { restart(string(before)) }
}

// The one way to take a record from a delivery: its execution is deleted and let
// go, then somebody ends the workflow. The record is still in its history.
func TestADeliveryThatSomebodyEndedCanBeReset(t *testing.T) {
	t.Cleanup(mend)
	if err := stage.Postgres.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	ex := execution("ended-by-hand")
	done := execute(t, ex, world.Plan{Refusal: "x"})
	showsPendingPersist(t, done.UID)
	if err := stage.executor.Client.Delete(t.Context(), ex); err != nil {
		t.Fatal(err)
	}
	isGone(t, ex) // Temporal has the record: nobody has to wait for PostgreSQL
	id := workflows.DeliveryID(v1.Kind, string(done.UID))
	if err := stage.temporal.TerminateWorkflow(t.Context(), id, "", "an operator's mistake"); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, "the metric that tells", func(ctx context.Context) error {
		return metric(ctx, stage.product.Controller.URL, "auditflow_deliveries_abandoned_total 1")
	})

	if err := stage.Postgres.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	const firstTaskCompleted = 4
	_, err := stage.temporal.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: stage.Temporal.Namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id},
		Reason: "the operator's cure", WorkflowTaskFinishEventId: firstTaskCompleted, RequestId: string(done.UID)})
	if err != nil {
		t.Fatal(err)
	}
	theRow(t, healed, done.UID)
}

// metric tells whether a program shows a line among its metrics.
func metric(ctx context.Context, url, line string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK || !strings.Contains("\n"+string(text), "\n"+line+"\n") {
		return fmt.Errorf("%s/metrics (%s) has no line %q", url, res.Status, line)
	}
	return nil
}
