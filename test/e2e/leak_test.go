package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	historypb "go.temporal.io/api/history/v1"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/test/leak"
	"github.com/auditflow/auditflow/test/leak/canary"
	"github.com/auditflow/auditflow/test/world"
	"github.com/auditflow/auditflow/workflows"
)

// Places of this test alone.
const (
	placeController  = "controller log"
	placeWorker      = "worker log"
	placePostgresLog = "PostgreSQL log"
	placeTemporalLog = "Temporal log"
	placeOpened      = "redacted envelopes, opened"
	placeTraces      = "traces"
)

// elsewhere is where nothing may stand that an execution said.
var elsewhere = []string{
	leak.PlaceTemporal, leak.PlaceVisibility, leak.PlaceHistories, leak.PlaceEvents, leak.PlaceMetrics,
	placeController, placeWorker, placeTemporalLog, placeTraces,
}

// word is a harmless one. It proves that a place was searched, and that what is
// said there and no secret is not hidden either.
type word struct {
	text string
	in   []string // must be seen
	not  []string // must not
}

func words() map[string]word {
	fresh := func() string { return "canary" + canary.Fill(uint64(time.Now().UnixNano()), "{l20}") }
	stored := []string{leak.PlaceTables, leak.PlaceWAL, leak.PlaceRows, leak.PlaceArchive}
	return map[string]word{
		"output": {fresh(), stored, append([]string{placePostgresLog}, elsewhere...)},
		"name": {"prod-" + fresh(), append([]string{leak.PlaceTemporal, leak.PlaceVisibility, leak.PlaceHistories}, stored...),
			[]string{leak.PlaceMetrics, placeTraces}},
		// PostgreSQL quotes what it refuses in its own log, to which nobody but it writes.
		"refused": {fresh(), []string{leak.PlaceQuarantine, placePostgresLog}, append([]string{leak.PlaceRows}, elsewhere...)},
		// Rows of some size are compressed in the files.
		"raised": {fresh(), []string{leak.PlaceRows, placeOpened, placePostgresLog}, elsewhere},
		"late":   {fresh(), []string{leak.PlaceRows, placeOpened}, elsewhere},

		"controller": {`"program":"controller"`, []string{placeController}, nil},
		"worker":     {`"program":"worker"`, []string{placeWorker}, nil},
		"event":      {"AuditPersisted", []string{leak.PlaceEvents}, nil},
		"warning":    {"AuditQuarantined", []string{leak.PlaceEvents}, nil},
		"metric":     {"auditflow_quarantine_records", []string{leak.PlaceMetrics}, nil},
		"span":       {insert, []string{placeTraces}, nil},
	}
}

// TestNoSecretLeaksToAnyPlaceAtRest sends canaries of every rule, in every
// encoding, in every field that an execution can fill, on the whole journey:
// healthy, refused by the table, failing with an error that quotes the row,
// timing out, too large. Then it reads all that lies on disk or can be asked for.
// (Panics have no way in from outside; package activities tests them.)
//
// It is not parallel: what it plants is a load of its own.
func TestNoSecretLeaksToAnyPlaceAtRest(t *testing.T) {
	began := time.Now()
	w := words()
	s := &sowing{done: map[*plant]world.Completion{}}
	late, refused, raised := s.faulty("late", w), s.faulty("refused", w), s.faulty("raised", w)
	control := s.add("control")
	control.ex.Spec.Action.Target.Namespace, control.plan.Output = w["name"].text, w["output"].text
	texts := s.sowTexts()
	names := s.sowNames()
	s.sowObjects()
	s.sowRepeated()
	s.sowRepeatedInNames()
	late.heldUp, raised.heldUp = true, true
	large := s.sowLarge(w["output"].text)

	// One with all rules comes first, and the large one without company: with
	// the race detector, first uses of rules take many seconds.
	mend := breakTable(t, refused.ex.Name, raised.ex.Name)
	first := append([]*plant{texts[0]}, names...)
	s.run(t, first...)
	s.run(t, s.allBut(append(first, late, large, refused, raised)...)...)
	s.run(t, large, refused)
	timesOut(t, s, late)
	failsInSight(t, s, raised)
	mend()
	s.settle(t, late, raised)

	found := s.search(t, w)
	leaks := found.Leaks()
	for _, l := range leaks[:min(len(leaks), 40)] {
		t.Errorf("leaked: %s", l)
	}
	if len(leaks) > 40 {
		t.Errorf("leaked: %d more", len(leaks)-40)
	}
	for name, word := range w {
		for _, place := range word.in {
			if !found.Saw(place, word.text) {
				t.Errorf("the search is blind: it did not see the word of %q in the %s", name, place)
			}
		}
		for _, place := range word.not {
			if found.Saw(place, word.text) {
				t.Errorf("the word of %q is in the %s", name, place)
			}
		}
	}
	t.Logf("%d secrets in %d executions, %d MB searched, %.1f s", len(s.secrets()), len(s.plants), found.Bytes>>20, time.Since(began).Seconds())
}

// faulty plants some canaries, and the word of its name, in one output.
func (s *sowing) faulty(name string, w map[string]word) *plant {
	p := s.add(name)
	p.plan.Output = w[name].text
	for n, c := range s.canaries() {
		if n%8 == 0 {
			p.plan.Output += "\n" + p.text(c, plain(), "output of "+name)
		}
	}
	p.plan.Error = s.one(p, "password", "error of "+name)
	return p
}

func (s *sowing) secrets() (all []leak.Secret) {
	for _, p := range s.plants {
		all = append(all, p.secrets...)
	}
	return all
}

func (s *sowing) allBut(others ...*plant) []*plant {
	return slices.DeleteFunc(slices.Clone(s.plants), func(p *plant) bool { return slices.Contains(others, p) })
}

// run brings executions to their ends and waits until they are recorded.
func (s *sowing) run(t *testing.T, plants ...*plant) {
	t.Helper()
	began := time.Now()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(6)
	for _, p := range plants {
		group.Go(func() error { return s.runOne(ctx, p) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	s.settle(t, plants...)
	t.Logf("%d executions, %s first, took %.1f s", len(plants), plants[0].ex.Name, time.Since(began).Seconds())
}

func (s *sowing) runOne(ctx context.Context, p *plant) error {
	if p.ex.Namespace != namespace {
		if err := stage.executor.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.ex.Namespace}}); err != nil {
			return err
		}
	}
	play := p.play
	if play == nil {
		play = stage.executor.Execute
	}
	done, err := play(ctx, p.ex, p.plan)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done[p] = done
	return err
}

// settle waits until deliveries have ended and their executions are marked.
func (s *sowing) settle(t *testing.T, plants ...*plant) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), healed)
	defer cancel()
	for _, p := range plants {
		done := s.done[p]
		eventually(t, healed, "the delivery of "+done.Name.Name, func(context.Context) error {
			return stage.temporal.GetWorkflow(ctx, idOf(done), "").Get(ctx, nil)
		})
		if done.Phase.Terminal() { // the other one was deleted
			isMarked(t, done.Name, audit.ID(world.Cluster, string(done.UID)))
		}
	}
}

func idOf(c world.Completion) string { return workflows.DeliveryID(v1.Kind, string(c.UID)) }

// search reads everything, and proves that every canary was sent.
func (s *sowing) search(t *testing.T, w map[string]word) *leak.Search {
	t.Helper()
	ctx := t.Context()
	// Only what has left PostgreSQL's memory can be read from its files.
	if _, err := stage.db.Exec(ctx, "CHECKPOINT"); err != nil {
		t.Fatal(err)
	}
	var texts, ids []string
	for _, word := range w {
		texts = append(texts, word.text)
	}
	for _, p := range s.plants {
		ids = append(ids, idOf(s.done[p]))
	}
	found := leak.NewSearch(s.secrets(), texts...)
	log := func(place, name string) error { return found.File(place, name, filepath.Join(stage.LogDir(), name)) }
	_, listed := found.Visibility(ctx, stage.temporal, stage.Temporal.Namespace, ids)
	if err := errors.Join(listed,
		found.Postgres(stage.Postgres.DataDir), found.Rows(ctx, stage.db), found.SQLite(stage.Temporal.DBFile),
		log(placeController, "controller.log"), log(placeWorker, "worker.log"),
		log(placePostgresLog, "postgres.log"), log(placeTemporalLog, "temporal.log"),
		found.Events(ctx, stage.executor.Client, "auditflow"),
		found.Metrics(ctx, stage.product.Controller.URL), found.Metrics(ctx, stage.product.Worker.URL),
		found.Read(placeTraces, "spans", bytes.NewReader(stage.collector.Bodies())),
	); err != nil {
		t.Fatal(err)
	}
	searchArchive(t, found)
	sealer, err := seal.Load(filepath.Join(filepath.Dir(stage.product.Worker.Config), "keyset.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range s.plants {
		id := idOf(s.done[p])
		events, err := found.History(ctx, stage.temporal, id, "")
		if err != nil {
			t.Fatal(err)
		}
		p.wasSent(t, sealer, id, events, found)
	}
	return found
}

// wasSent opens the envelopes of a history. What the door has sealed must hold
// each canary, or the search proves nothing; what was redacted is searched, where it
// could not be appended at once and so went through Temporal.
func (p *plant) wasSent(t *testing.T, sealer *seal.Sealer, id string, events []*historypb.HistoryEvent, found *leak.Search) {
	t.Helper()
	sent, redacted := leak.NewSearch(p.secrets), 0
	for _, envelope := range envelopes(events) {
		observed, err := sealer.Open(envelope, seal.Observed, id)
		if err == nil {
			err = sent.Read("observed envelope", id, recordText(observed))
		} else if records, notRedacted := sealer.Open(envelope, seal.Redacted, id); notRedacted == nil {
			redacted++
			err = found.Read(placeOpened, id, recordText(records))
		} else {
			err = nil // some other payload
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, l := range sent.Leaks() {
		seen[l.Label] = true
	}
	missing := 0
	for _, secret := range p.secrets {
		if !seen[secret.Label] {
			if missing++; missing <= 3 {
				t.Errorf("%s: was never sent: %s", p.ex.Name, secret.Label)
			}
		}
	}
	if p.heldUp && redacted == 0 || missing > 0 {
		t.Errorf("%s: %d redacted envelopes, %d canaries were never sent", p.ex.Name, redacted, missing)
	}
}

// envelopes are the payloads of a history that may be some.
func envelopes(events []*historypb.HistoryEvent) (data [][]byte) {
	for _, e := range events {
		payloads := e.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()
		payloads = append(payloads, e.GetActivityTaskScheduledEventAttributes().GetInput().GetPayloads()...)
		payloads = append(payloads, e.GetActivityTaskCompletedEventAttributes().GetResult().GetPayloads()...)
		for _, detail := range e.GetMarkerRecordedEventAttributes().GetDetails() {
			payloads = append(payloads, detail.GetPayloads()...)
		}
		for _, payload := range payloads {
			data = append(data, payload.GetData())
		}
	}
	return data
}

// recordText is all that records say, texts as they are and as JSON.
func recordText(records []audit.Record) *strings.Reader {
	var b strings.Builder
	for _, r := range records {
		fmt.Fprintf(&b, "%s\n%s\n%s\n%s\n", audit.CanonicalJSON(r), r.ActionParameters, r.Output, r.Error)
	}
	return strings.NewReader(b.String())
}
