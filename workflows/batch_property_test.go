package workflows

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
)

// visit is one caller: the records it brings, and how it does that.
type visit struct {
	At       time.Duration
	Bytes    []int         // of what each record puts out
	Expected time.Duration // it is announced so long before; 0: it just comes
	Patience time.Duration // for one attempt to start it
}

// script is what happens in one test, drawn before it begins: in a bubble
// nothing can be drawn.
type script struct {
	Config      BatchConfig
	Visits      []visit
	Calls, Ends []fate
	Unreachable int
	Restarts    []time.Duration // each after the one before
}

func anyScript(t *rapid.T) script {
	millis := func(label string, from, to int) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(t, label)) * time.Millisecond
	}
	fates := func(label string, kinds ...string) []fate {
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fate {
			return fate{rapid.SampledFrom(kinds).Draw(t, "kind"), time.Duration(rapid.IntRange(0, 4000).Draw(t, "ms")) * time.Millisecond}
		}), 0, 12).Draw(t, label)
	}
	s := script{
		Config: BatchConfig{
			Size: rapid.IntRange(1, 8).Draw(t, "size"), Bytes: rapid.IntRange(3000, 12_000).Draw(t, "bytes"),
			Wait: millis("wait", 0, 3000), InFlight: rapid.IntRange(1, 3).Draw(t, "in flight"),
		},
		Calls:       fates("calls", taken, taken, refused, answerLost, invalid, silence),
		Ends:        fates("ends", commits, commits, terminated, forgotten, goesApart),
		Unreachable: rapid.IntRange(0, 5).Draw(t, "unreachable"),
	}
	for range rapid.IntRange(1, 12).Draw(t, "visits") {
		s.Visits = append(s.Visits, visit{
			At:    millis("at", 0, 2000),
			Bytes: rapid.SliceOfN(rapid.SampledFrom([]int{0, 0, 500, 3000, 9000}), 1, 5).Draw(t, "records"), Patience: millis("patience", 50, 10_000),
			Expected: millis("expected", 0, 2000),
		})
	}
	for range rapid.IntRange(0, 2).Draw(t, "restarts") {
		s.Restarts = append(s.Restarts, millis("restart", 1, 3000))
	}
	return s
}

// play is a script under way: the doors of one process after the other.
type play struct {
	script
	model   *model
	starter *Starter
	batcher *Batcher

	mu     sync.Mutex
	came   map[string]time.Time // since when a record is being started
	left   map[string]int       // how often its caller left without an answer, in this process
	again  map[string]int       // how often else it may have been started anew, though it runs
	flies  map[string]int
	flying int
	done   map[string]bool
	faults []string
}

func (p *play) faultf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, fmt.Sprintf(format, args...))
}

// Whatever Temporal does, whoever leaves and however often the process begins
// anew: every record that is accepted lies in the workflow that its door is told
// of, no door makes two of one record, batches keep their bounds, nobody waits
// longer for company than he is told, nothing is kept of those who are gone, and
// once the troubles end every record gets its row.
func TestEveryRecordIsDeliveredWhateverHappensMeanwhile(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key")
	var keyset bytes.Buffer
	if err := seal.Generate(&keyset); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, keyset.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.Load(key)
	if err != nil {
		t.Fatal(err)
	}
	starter := Starter{Sealer: sealer, Redactor: redact.New()}
	starter.labels([]audit.Record{some(0)}) // what is made only once must not belong to a bubble
	if _, err := sealer.Seal([]audit.Record{some(0)}, seal.Observed, "once"); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		s := anyScript(rt)
		var faults []string
		synctest.Test(t, func(t *testing.T) { faults = run(t.Context(), s, starter) })
		if len(faults) > 0 {
			rt.Fatalf("%d faults, first: %s\n%+v", len(faults), faults[0], s)
		}
	})
}

func run(ctx context.Context, s script, starter Starter) []string {
	p := &play{
		script: s, starter: &starter,
		came: map[string]time.Time{}, left: map[string]int{}, again: map[string]int{}, flies: map[string]int{}, done: map[string]bool{},
	}
	p.model = &model{
		sealer: starter.Sealer, faultf: p.faultf, calls: s.Calls, ends: s.Ends, unreachable: s.Unreachable,
		runs: map[string]*imagined{}, unheard: map[string]int{},
	}
	p.starter.Client = p.model
	for _, after := range append(s.Restarts, time.Hour) { // more than all troubles together
		process, kill := context.WithTimeout(ctx, after)
		p.process(process)
		kill()
		p.idle()
		for id := range p.came { // what the process knew is gone with it
			p.again[id] += p.left[id] + 1
		}
		clear(p.left)
	}
	for n := range p.records() {
		if id := some(n).ID; !p.done[id] {
			p.faultf("record %d has no row", n)
		}
	}
	return p.faults
}

func (p *play) records() (n int) {
	for _, v := range p.Visits {
		n += len(v.Bytes)
	}
	return n
}

// process is one life of the doors: all that is not known to be done comes again.
func (p *play) process(ctx context.Context) {
	p.batcher = newBatcher(p.Config)
	p.batcher.send = p.send
	var doors sync.WaitGroup
	brought, n := make([][]audit.Record, len(p.Visits)), 0
	for i, v := range p.Visits {
		for _, size := range v.Bytes {
			r := some(n)
			r.Output = strings.Repeat("x", size)
			if n++; !p.done[r.ID] {
				brought[i] = append(brought[i], r)
			}
		}
	}
	for i, v := range p.Visits {
		doors.Go(func() {
			time.Sleep(v.At)
			p.visit(ctx, v, brought[i])
		})
	}
	doors.Wait()
}

// visit brings records until all of them have their rows.
func (p *play) visit(ctx context.Context, v visit, records []audit.Record) {
	var all sync.WaitGroup
	for i, s := range p.start(ctx, v, records) {
		all.Go(func() {
			for retries := 0; ctx.Err() == nil && !p.follow(ctx, records[i], s); retries++ {
				select {
				case <-time.After(min(100*time.Millisecond<<min(retries, 10), 30*time.Second)):
				case <-ctx.Done():
				}
				s = p.start(ctx, v, records[i:i+1])[0]
			}
		})
	}
	all.Wait()
}

// start is one attempt, in the way the visitor comes.
func (p *play) start(ctx context.Context, v visit, records []audit.Record) (started []Started) {
	var expected *Expected
	if v.Expected > 0 && len(records) == 1 {
		expected = p.batcher.Expect()
		defer expected.Cancel()
		time.Sleep(v.Expected)
	}
	ctx, cancel := context.WithTimeout(ctx, v.Patience)
	defer cancel()
	p.note(func(id string) { p.came[id] = time.Now() }, records)
	switch {
	case expected != nil:
		d, err := expected.Start(ctx, records[0])
		started = []Started{{d, err}}
	case len(records) == 1:
		d, err := p.batcher.Start(ctx, records[0])
		started = []Started{{d, err}}
	default:
		started = p.batcher.StartAll(ctx, records)
	}
	for i, s := range started {
		if s.Err != nil && ctx.Err() != nil {
			p.note(func(id string) { p.left[id]++ }, records[i:i+1])
		}
	}
	return started
}

func (p *play) note(what func(id string), records []audit.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range records {
		what(r.ID)
	}
}

// follow tells whether a started record got its row.
func (p *play) follow(ctx context.Context, r audit.Record, s Started) bool {
	if s.Err != nil {
		return false
	}
	p.accepted(r, s.Delivery)
	for ctx.Err() == nil {
		slice, cancel := context.WithTimeout(ctx, 2*time.Second)
		done, err := s.Delivery.Wait(slice)
		cancel()
		switch {
		case err == nil && len(done.Rows) == 1 && done.Rows[0].ID == r.ID:
			p.note(func(id string) { p.done[id] = true }, []audit.Record{r})
			return true
		case err == nil:
			p.faultf("record %s got rows %v", r.ExecutionUID, done.Rows)
			return true
		case Ended(err):
			p.note(func(id string) { p.again[id]++ }, []audit.Record{r})
			return false
		case slice.Err() == nil:
			time.Sleep(100 * time.Millisecond) // Temporal is away
		}
	}
	return false
}

// accepted checks what a door was told against what Temporal has.
func (p *play) accepted(r audit.Record, d Delivery) {
	run := p.model.GetWorkflow(context.Background(), d.ID(), "").(*imagined)
	place := d.place
	if run == nil || place >= len(run.records) || run.records[place].ID != r.ID {
		p.faultf("record %s is not at place %d of %s", r.ExecutionUID, place, d.ID())
	}
	p.model.mu.Lock()
	unheard := p.model.unheard[r.ID]
	p.model.mu.Unlock()
	p.mu.Lock()
	most := 1 + p.left[r.ID] + p.again[r.ID] + unheard
	p.mu.Unlock()
	if n := p.model.holding(r.ID); n > most {
		p.faultf("record %s runs in %d workflows, %d can be explained", r.ExecutionUID, n, most)
	}
}

// send is the way from the batcher to the starter, where batches are looked at.
func (p *play) send(ctx context.Context, records []audit.Record) []Started {
	p.mu.Lock()
	p.flying++
	bytes, oldest := 0, time.Duration(0)
	for _, r := range records {
		bytes += weight(r)
		waited := time.Since(p.came[r.ID])
		oldest = max(oldest, waited)
		if p.flies[r.ID]++; p.flies[r.ID] > 1+p.left[r.ID] {
			p.faults = append(p.faults, fmt.Sprintf("record %s is being started %d times at once", r.ExecutionUID, p.flies[r.ID]))
		}
	}
	if size := p.batcher.Size(); len(records) > size || len(records) > 1 && bytes > p.Config.Bytes {
		p.faults = append(p.faults, fmt.Sprintf("%d records of %d bytes in one workflow", len(records), bytes))
	}
	if oldest > p.Config.Wait {
		p.faults = append(p.faults, fmt.Sprintf("a record waited %s for company, longer than %s", oldest, p.Config.Wait))
	}
	if p.flying > p.Config.InFlight && p.batcher.Size() > 1 && oldest < p.Config.Wait {
		p.faults = append(p.faults, fmt.Sprintf("%d starts under way after a wait of only %s", p.flying, oldest))
	}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.flying--
		for _, r := range records {
			p.flies[r.ID]--
		}
	}()
	return p.starter.startAll(ctx, records)
}

// idle checks that nothing is left of the doors of a process that is gone.
func (p *play) idle() {
	synctest.Wait()
	b := p.batcher
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) != 0 || b.coming != 0 || b.flying != 0 || b.clock != nil {
		p.faultf("idle, but %d waiting, %d expected, %d under way, clock %v", len(b.waiting), b.coming, b.flying, b.clock)
	}
	for _, w := range b.waiting[:cap(b.waiting)] {
		if w != nil {
			p.faultf("a record that is gone is kept in memory")
		}
	}
}
