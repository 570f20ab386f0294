package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

// journey is auditflow without its doors: records are started, delivered by a
// worker, and asked about.
type journey struct {
	environment
	starter workflows.Starter
	client  client.Client
}

// newJourney works in a namespace of its own, so that no other worker takes its
// deliveries.
func newJourney(t *testing.T) journey {
	t.Helper()
	e, store := database(t)
	namespace := fmt.Sprintf("journey-%d", time.Now().UnixNano())
	config := temporalclient.Config{Address: servers.Temporal.Address, Namespace: namespace, Identity: t.Name()}
	e.variables[variableAddress], e.variables[variableNamespace] = config.Address, config.Namespace
	c, err := temporalclient.Dial(config, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(c.Close)
	_, err = c.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	must(t, err)
	until(t, "the namespace can be used", func() bool {
		return temporalclient.Prepare(t.Context(), c, namespace, workflows.SearchAttributes()) == nil
	})

	path := t.TempDir() + "/keyset.json"
	keyset, err := os.Create(path)
	must(t, err)
	must(t, seal.Generate(keyset))
	must(t, keyset.Close())
	must(t, os.Chmod(path, 0o600))
	sealer, err := seal.Load(path)
	must(t, err)
	j := journey{e, workflows.Starter{Client: c, Sealer: sealer, Redactor: redact.New()}, c}
	j.work(t, store)
	return j
}

// work runs a worker for as long as the test takes.
func (j journey) work(t *testing.T, store *postgres.Store) {
	t.Helper()
	deliver := &activities.Deliver{
		Sealer: j.starter.Sealer, Redactor: j.starter.Redactor, Store: store,
		ErrorClass: postgres.Class, Metrics: activities.NewMetrics(prometheus.NewRegistry()),
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx, j.client, worker.Config{}, deliver) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// start hands a record over; until its row is there, if delivered is set.
func (j journey) start(t *testing.T, r audit.Record, delivered bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		d, err := j.starter.Start(ctx, r)
		if err != nil && ctx.Err() == nil { // search attributes take a moment to be known everywhere
			time.Sleep(100 * time.Millisecond)
			continue
		}
		must(t, err)
		if delivered {
			_, err = d.Wait(ctx)
			must(t, err)
		}
		return
	}
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("a minute has passed and still not: %s", what)
		}
	}
}

// explained is the answer of explain in JSON.
func (e environment) explained(t *testing.T, code int, args ...string) (x explanation) {
	t.Helper()
	o := e.execute(t, append([]string{"explain", "-o", "json"}, args...)...)
	if o.code != code {
		t.Errorf("explain %s: exit code %d, want %d: %s", strings.Join(args, " "), o.code, code, o.stderr)
	}
	must(t, json.Unmarshal([]byte(o.stdout), &x))
	return x
}

const (
	uid      = "3f2c9d41-8a53-4d3c-9a44-7f0f3a0c1b22"
	workflow = "audit/KubernetesExecution/" + uid
)

// secretive is a record with something to mask, as its door sees it.
func secretive(uid string) audit.Record {
	r := succeeded(uid, 5)
	r.Output = "key AKIA" + "Z7QK2MX4RT5WJ6YN" + " is used"
	r.RecordSHA256, r.DeliveredBy = "", ""
	return r
}

func TestADeliveredRecordIsExplainedFromEveryIdentity(t *testing.T) {
	t.Parallel()
	j := newJourney(t)
	r := secretive(uid)
	j.start(t, r, true)
	for _, asked := range []string{r.ID, uid, workflow} {
		x := j.explained(t, exitOK, asked)
		if x.ID != r.ID || x.State != stateLive || x.Row == nil || !x.Row.DigestMatches || x.Row.DeliveredBy != workflow {
			t.Errorf("%s: %+v, row %+v", asked, x, x.Row)
			continue
		}
		if x.Row.Table != "kubernetes_execution_audit_2026_03" || x.Row.Lag == nil || len(x.Row.Redactions) == 0 {
			t.Errorf("%s: row %+v", asked, x.Row)
		}
		d := x.Delivery
		if x.Temporal != answered || d == nil || d.Status != "Completed" || d.ClosedAt.IsZero() || len(d.Masked) == 0 {
			t.Errorf("%s: Temporal %s, %+v", asked, x.Temporal, d)
			continue
		}
		if got := fmt.Sprint(d.Attempts); got != fmt.Sprint([]attempts{{"Redact", 1, 0}, {"Persist", 1, 0}}) {
			t.Errorf("%s: attempts %s", asked, got)
		}
	}
	text := j.answer(t, "explain", r.ID)
	contains(t, "the page", text, "live", "digest matches", workflow, "Completed", "persist       1 attempt in the workflow task", "output")
	if strings.Contains(text, "AKIA") {
		t.Error("the page tells the secret")
	}

	j.sql(t, `DELETE FROM kubernetes_execution_audit`)
	if x := j.explained(t, exitNo, uid); x.State != stateGone || x.ID != r.ID {
		t.Errorf("a row that is gone: %+v", x)
	}
}

func TestARecordThatIsNotThereYetIsExplainedByWhatHoldsItUp(t *testing.T) {
	t.Parallel()
	j := newJourney(t)
	j.sql(t, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '55000'; END $$`)
	j.sql(t, `CREATE TRIGGER refuse BEFORE INSERT ON kubernetes_execution_audit FOR EACH STATEMENT EXECUTE FUNCTION refuse()`)
	r := secretive(uid)
	j.start(t, r, false)
	var x explanation
	until(t, "an attempt failed on the slow path", func() bool {
		x = j.explained(t, exitNo, uid)
		return x.Delivery != nil && len(x.Delivery.Pending) == 1 && x.Delivery.Pending[0].LastFailure != ""
	})
	pending := x.Delivery.Pending[0]
	if x.State != stateDelivering || x.ID != r.ID || x.Delivery.Status != "Running" || pending.Step != "Persist" || pending.Attempt < 2 {
		t.Errorf("%+v, pending %+v", x, pending)
	}
	contains(t, "the last failure", pending.LastFailure, "55000")
	o := j.execute(t, "explain", workflow)
	contains(t, "the page", o.stdout, "delivering", "not in the database yet", "now           persist: ", "last failure", "55000")

	j.sql(t, `DROP TRIGGER refuse ON kubernetes_execution_audit`)
	until(t, "it is delivered after all, and Temporal knows", func() bool {
		o := j.execute(t, "explain", uid)
		return o.code == exitOK && strings.Contains(o.stdout, "Completed")
	})
	x = j.explained(t, exitOK, uid)
	if got := x.Delivery.Attempts; len(got) != 2 || got[1].Fast != 1 || got[1].Slow < 2 {
		t.Errorf("attempts: %+v", got)
	}
}

func TestAPostedRecordOfWhichNobodyKnowsTheUIDIsExplainedBeforeAndAfterItIsThere(t *testing.T) {
	t.Parallel()
	j := newJourney(t)
	j.sql(t, `ALTER TABLE kubernetes_execution_audit RENAME TO elsewhere`)
	r := secretive(uid)
	r.ExecutionUID, r.ID = "", audit.ID(r.Cluster, "what was posted")
	j.start(t, r, false)
	delivery := workflows.DeliveryOfRecord(r)
	for _, asked := range []string{r.ID, delivery} {
		x := j.explained(t, exitFailed, asked)
		if x.State != stateDelivering || x.ID != r.ID || x.Delivery == nil || x.Delivery.WorkflowID != delivery {
			t.Errorf("%s, not there yet: %+v", asked, x)
		}
	}
	j.sql(t, `ALTER TABLE elsewhere RENAME TO kubernetes_execution_audit`)
	until(t, "it is delivered", func() bool { return j.execute(t, "explain", r.ID).code == exitOK })
	for _, asked := range []string{r.ID, delivery} {
		x := j.explained(t, exitOK, asked)
		if x.State != stateLive || x.ID != r.ID || !x.Row.DigestMatches {
			t.Errorf("%s: %+v", asked, x)
		}
	}
}

func TestTemporalIsAskedAlsoWhenTheDatabaseIsWhatHoldsItUp(t *testing.T) {
	t.Parallel()
	j := newJourney(t)
	j.sql(t, `ALTER TABLE kubernetes_execution_audit RENAME TO elsewhere`)
	r := secretive(uid)
	j.start(t, r, false)
	var x explanation
	until(t, "an attempt failed on the slow path", func() bool {
		x = j.explained(t, exitFailed, uid)
		return x.Delivery != nil && len(x.Delivery.Pending) == 1 && x.Delivery.Pending[0].LastFailure != ""
	})
	if x.State != stateDelivering || x.ID != r.ID || x.Database != unreachable || x.Temporal != answered {
		t.Errorf("%+v", x)
	}
	o := j.execute(t, "explain", uid)
	contains(t, "the page", o.stdout, "delivering", "the database did not answer", "42P01")
	contains(t, "stderr", o.stderr, "42P01", "auditctl migrate")

	j.sql(t, `ALTER TABLE elsewhere RENAME TO kubernetes_execution_audit`)
	until(t, "it is delivered after all, and Temporal knows", func() bool {
		o := j.execute(t, "explain", uid)
		return o.code == exitOK && strings.Contains(o.stdout, "Completed")
	})
	j.variables[variableDatabase] = "postgres://x@127.0.0.1:1/x"
	if x := j.explained(t, exitFailed, uid); x.State != stateStored || x.ID != r.ID || x.Database != unreachable {
		t.Errorf("with the database away: %+v", x)
	}
}

func TestTheRowRemainsWhenTemporalHasForgotten(t *testing.T) {
	t.Parallel()
	e, records := trailDatabase(t)
	e.variables[variableAddress] = servers.Temporal.Address
	if x := e.explained(t, exitOK, records[0].ID); x.Temporal != forgotten || x.State != stateLive {
		t.Errorf("%+v", x)
	}
	contains(t, "the page", e.answer(t, "explain", records[0].ID), "Temporal no longer knows this workflow (its retention has passed)", records[0].DeliveredBy)
}

func TestARecordIsExplainedWithoutTemporal(t *testing.T) {
	t.Parallel()
	e, records := trailDatabase(t)
	address, err := freeAddress(t)
	must(t, err)
	r := records[0]
	if x := e.explained(t, exitOK, r.ExecutionUID, "--cluster", "prod-eu"); x.ID != r.ID || !x.Row.DigestMatches {
		t.Errorf("by UID and cluster: %+v", x)
	}
	if x := e.explained(t, exitOK, r.DeliveredBy, "--cluster", "prod-eu"); x.ID != r.ID {
		t.Errorf("by workflow and cluster: %+v", x)
	}
	if x := e.explained(t, exitFailed, r.ID, "--temporal-address", address); x.Temporal != unreachable || x.State != stateLive {
		t.Errorf("with Temporal away: %+v", x)
	}
	if x := e.explained(t, exitNo, uid, "--cluster", "another"); x.State != stateUnknown {
		t.Errorf("of another cluster: %+v", x)
	}
	if o := e.execute(t, "explain", "no-uuid"); o.code != exitUsage || !strings.Contains(o.stderr, "--cluster") {
		t.Errorf("neither UUID nor cluster: %+v", o)
	}
}

func TestARowThatSomebodyChangedIsFoundOut(t *testing.T) {
	t.Parallel()
	e, records := trailDatabase(t)
	e.sql(t, `UPDATE kubernetes_execution_audit SET success = true WHERE id = $1`, records[1].ID)
	o := e.execute(t, "explain", records[1].ID)
	if o.code != exitNo {
		t.Errorf("exit code %d", o.code)
	}
	contains(t, "the page", o.stdout, "DIGEST DOES NOT MATCH", records[1].RecordSHA256)
	contains(t, "stderr", o.stderr, "digest of record "+records[1].ID+" differs")
}

func TestARowThatWasRestoredIsNotPassedOffAsLive(t *testing.T) {
	t.Parallel()
	e, records := trailDatabase(t)
	e.sql(t, `INSERT INTO kubernetes_execution_audit_archive SELECT * FROM kubernetes_execution_audit`)
	e.sql(t, `DELETE FROM kubernetes_execution_audit`)
	x := e.explained(t, exitOK, records[1].ID)
	if x.State != stateRestored || x.Row.Table != "kubernetes_execution_audit_archive" || !x.Row.DigestMatches {
		t.Errorf("%+v", x)
	}
	contains(t, "the page", e.answer(t, "explain", records[1].ID), "restored from the archive")
}
