//go:build kills

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/failpoint"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/test/world"
	"github.com/auditflow/auditflow/workflows"
)

// tablespace is one that all trails share.
const tablespace = "kill_warm"

// steps are all instructions at which the process can be killed; the number is
// for the how manieth time it gets there.
func steps() []string {
	return []string{
		"archive.segment-encoded:2", "archive.segment-put:2", "archive.segment-verified:2", "archive.manifest-put",
		"export.written", "export.published",
		"detach.noted", "detach.tried", "drop.counted", "drop.committed", "deleterows.batch",
		"expire.tombstone", "archive.object-deleted", "expire.deleted",
		"move.created", "move.mirrored", "move.batch", "move.copied", "move.compared", "move.swapped", "move.unmirrored",
	}
}

func TestEveryStepThatTheSourceNamesIsKilled(t *testing.T) {
	t.Parallel()
	hit := regexp.MustCompile(`failpoint\.Hit\("([^"]+)"\)`)
	inSource := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "bin" || d.Name() == ".git" || d.Name() == "out") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, match := range hit.FindAllSubmatch(text, -1) {
			if strings.HasPrefix(string(match[1]), "deliver.") {
				continue // those of a delivery are test/faults's
			}
			inSource[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var killed []string
	for _, step := range steps() {
		name, _, _ := strings.Cut(step, ":")
		killed = append(killed, name)
		if !inSource[name] {
			t.Errorf("there is no step %s", name)
		}
	}
	for name := range inSource {
		if !slices.Contains(killed, name) {
			t.Errorf("nobody is killed at %s", name)
		}
	}
}

// seeds are records of all ages that matter: expired in the archive, expired, near
// the bound of retention on both sides, old enough to move, and fresh.
func seeds(now time.Time) (records []audit.Record) {
	spread := func(n int, from, to time.Duration) {
		for i := range n {
			age := from - (from-to)*time.Duration(i)/time.Duration(n)
			records = append(records, seed(fmt.Sprintf("%s-%d", from, i), now.Add(-age)))
		}
	}
	spread(40, 410*day, 401*day)
	spread(2500, 200*day, 199*day)
	spread(1500, 93*day, 87*day)
	spread(1200, 46*day, 45*day)
	spread(5, 2*day, day)
	return records
}

func seed(uid string, created time.Time) audit.Record {
	created = created.UTC().Truncate(time.Microsecond)
	r := audit.Record{
		ID: audit.ID("kill", uid), ExecutionID: "scale-web", WorkflowRef: "kill", ActionType: "scale-deployment",
		ActionParameters: json.RawMessage(`{"replicas":3}`), TargetNamespace: "prod-web", TargetResourceKind: "Deployment",
		TargetResourceName: "web", Success: true, Output: "scaled", CreatedAt: created, CompletedAt: created.Add(time.Minute),
		Phase: "Completed", Cluster: "kill", ExecutionNamespace: "kubernaut", ExecutionUID: uid, Source: "KubernetesExecution",
	}.Normalise()
	r.RecordSHA256 = r.Digest()
	return r
}

// killing is what the trails of these tests have in common.
type killing struct {
	workers  *world.Workers
	template string // a database with the seeds
	records  []audit.Record
	began    time.Time
}

func newKilling(t *testing.T) killing {
	t.Helper()
	t.Cleanup(mend)
	k := killing{began: time.Now()}
	k.records = seeds(k.began)
	address, err := stage.Postgres.NewDatabase(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	store, err := postgres.Open(t.Context(), postgres.Config{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for batch := range slices.Chunk(k.records, 500) {
		if _, err := store.Append(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	k.template = address[strings.LastIndex(address, "/")+1 : strings.Index(address, "?")]
	k.makeTablespace(t)
	// With the race detector every step takes as long as others need to notice; that
	// is for the tests that run the product as a whole.
	if k.workers, err = stage.NewWorkers(t.Context(), world.ProductOptions{Failpoints: true}); err != nil {
		t.Fatal(err)
	}
	return k
}

// makeTablespace has the server make the directory, as its own user.
func (k killing) makeTablespace(t *testing.T) {
	t.Helper()
	var there bool
	if err := stage.db.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_tablespace WHERE spcname = $1)`, tablespace).Scan(&there); err != nil || there {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	directory := filepath.Join(filepath.Dir(stage.Postgres.DataDir), tablespace)
	for _, statement := range []string{
		`COPY (SELECT 1) TO PROGRAM 'mkdir -p ` + directory + ` && cat > /dev/null'`,
		`CREATE TABLESPACE ` + tablespace + ` LOCATION '` + directory + `'`,
		`GRANT CREATE ON TABLESPACE ` + tablespace + ` TO auditflow_maintainer`,
	} {
		if _, err := stage.db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

// trail makes one whose retention has a mode.
func (k killing) trail(t *testing.T, name string, mode audit.RetentionMode) (*trail, rules) {
	t.Helper()
	workers := k.workers.With("after: 90d, segment_rows: 1000",
		fmt.Sprintf("retention: {mode: %s, after: 90d, archive_after: 365d}", mode),
		"tiers: {warm: "+tablespace+", warm_after: 7d, cold_after: 60d, cold: "+tablespace+"}")
	return newTrail(t, workers, name, k.template, k.records),
		rules{mode: mode, began: k.began, retention: 90 * day, archive: 365 * day, tier: tablespace}
}

// For every step: a worker dies right there, another one takes over, and all ends
// as if nothing had happened.
func TestAWorkerMayBeKilledAtEveryStepOfMaintenance(t *testing.T) {
	k := newKilling(t)
	t.Run("killed", func(t *testing.T) {
		t.Run("and goes on by itself", func(t *testing.T) {
			t.Parallel()
			tr, _ := k.trail(t, "goes-on", audit.RetainPartitions)
			tr.goesOn()
		})
		crowd := make(chan struct{}, 5) // as many as two processors can take
		for _, step := range steps() {
			t.Run("at "+step, func(t *testing.T) {
				t.Parallel()
				crowd <- struct{}{}
				defer func() { <-crowd }()
				mode := audit.RetainPartitions
				if strings.HasPrefix(step, "deleterows") {
					mode = audit.RetainRows
				}
				tr, rules := k.trail(t, "kill-"+strings.NewReplacer(".", "-", ":", "-").Replace(step), mode)
				if step == "move.unmirrored" { // a move that is given up because somebody holds its rows
					tr.dies("move.mirrored")
					tr.hold()
				}
				tr.dies(step)
				tr.release()
				tr.worker.Env = nil
				// Until it is ready, the server has noticed that the other one is gone; a task
				// that it hands to a dead one comes again only after a minute.
				if err := tr.worker.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				tr.converges(2*time.Minute, rules)
			})
		}
	})
}

// dies has maintenance run until it is killed at a step.
func (tr *trail) dies(step string) {
	tr.Helper()
	tr.worker.Env = []string{failpoint.Variable + "=" + step}
	if err := tr.worker.Launch(); err != nil {
		tr.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tr.Context(), time.Minute)
	defer cancel()
	if err := tr.maintain(ctx); !errors.Is(err, errDied) {
		tr.Fatalf("nobody died at %s: %v", step, err)
	}
	if log := tr.worker.Ended(); log != "signal: killed" {
		tr.Fatalf("the worker was to be killed at %s, and ended otherwise: %s", step, log)
	}
}

func (tr *trail) hold() {
	tr.Helper()
	_, err := tr.store.PlaceHold(tr.Context(), audit.Hold{Kind: audit.HoldWorkflow, Value: "kill", Reason: "inquiry", PlacedBy: "counsel"})
	if err != nil {
		tr.Fatal(err)
	}
}

func (tr *trail) release() {
	tr.Helper()
	holds, err := tr.store.Holds(tr.Context(), false)
	if err != nil {
		tr.Fatal(err)
	}
	for _, h := range holds {
		if _, err := tr.store.ReleaseHold(tr.Context(), h.ID, "counsel"); err != nil {
			tr.Fatal(err)
		}
	}
}

// goesOn: nobody looks, nobody triggers anything. The attempt that died is noticed
// by its silence, and the next one goes on where it was.
func (tr *trail) goesOn() {
	tr.Helper()
	tr.dies("archive.segment-verified:2")
	tr.worker.Env = nil
	if err := tr.worker.Start(tr.Context()); err != nil {
		tr.Fatal(err)
	}
	began := time.Now()
	eventually(tr.T, 2*time.Minute, "the run to end well", func(ctx context.Context) error {
		d, err := tr.temporal.ScheduleClient().GetHandle(ctx, workflows.ScheduleArchive).Describe(ctx)
		if err != nil {
			return err
		}
		id := d.Info.RecentActions[len(d.Info.RecentActions)-1].StartWorkflowResult.WorkflowID
		var report workflows.Report
		if err := tr.temporal.GetWorkflow(ctx, id, "").Get(ctx, &report); err != nil {
			return err
		}
		if !strings.HasPrefix(report.Summary, "2540 rows archived") {
			tr.Errorf("%+v", report)
		}
		return nil
	})
	tr.Logf("it went on after %.0f s", time.Since(began).Seconds())
}

// PostgreSQL is killed at times that nobody chose, while maintenance is under way.
func TestPostgreSQLMayBeKilledAnyTimeDuringMaintenance(t *testing.T) {
	k := newKilling(t)
	tr, rules := k.trail(t, "postgres-killed", audit.RetainPartitions)
	if err := tr.worker.Launch(); err != nil {
		t.Fatal(err)
	}
	tasks := []string{workflows.ScheduleArchive, workflows.ScheduleRetention, workflows.ScheduleTier}
	for round := range 10 {
		task := tasks[round%len(tasks)]
		if task == workflows.ScheduleRetention { // which deletes only what is archived
			if _, err := tr.trigger(t.Context(), workflows.ScheduleArchive); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		maintained := make(chan error, 1)
		go func() {
			_, err := tr.trigger(ctx, task)
			maintained <- err
		}()
		pause(t, time.Duration(rand.IntN(1500))*time.Millisecond)
		if err := stage.Postgres.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := stage.Postgres.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		cancel()
		err := <-maintained
		t.Logf("round %d: killed during %s, which had ended: %t", round, task, err == nil)
		tr.appendMore(round)
	}
	tr.converges(2*time.Minute, rules)
}

// appendMore gives maintenance something to do.
func (tr *trail) appendMore(round int) {
	tr.Helper()
	var more []audit.Record
	for i := range 300 {
		created := time.Now().Add(-time.Duration(150+20*round)*day - time.Duration(i)*time.Second)
		more = append(more, seed(fmt.Sprintf("round-%d-%d", round, i), created))
	}
	eventually(tr.T, time.Minute, "the rows to be taken", func(ctx context.Context) error {
		_, err := tr.store.Append(ctx, more)
		return err
	})
	tr.records = append(tr.records, more...)
}
