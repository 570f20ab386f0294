package workflows

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/audit"
)

// These tests run in bubbles: their clock moves only when nothing else can, so a
// start takes exactly as long as it is told to, and who waits for ever is found.

// lane stands for Temporal: it takes what it is sent, each time for a while.
type lane struct {
	*Batcher
	takes time.Duration
	fail  error
	ends  chan struct{} // workflows end once it is closed; nil: never

	mu    sync.Mutex
	sent  [][]string // row ids, workflow by workflow
	at    []time.Duration
	began time.Time
}

func open(cfg BatchConfig, takes time.Duration) *lane {
	l := &lane{Batcher: newBatcher(cfg), takes: takes, began: time.Now()}
	l.send = l.take
	return l
}

// tagged is a run that has a name.
type tagged struct {
	client.WorkflowRun
	id   string
	ends chan struct{}
}

func (n tagged) Get(ctx context.Context, _ any) error {
	select {
	case <-n.ends:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n tagged) GetID() string { return n.id }

func (l *lane) take(ctx context.Context, records []audit.Record) []Started {
	l.mu.Lock()
	run := tagged{id: fmt.Sprint("workflow-", len(l.sent)), ends: l.ends}
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	l.sent, l.at = append(l.sent, ids), append(l.at, time.Since(l.began))
	l.mu.Unlock()
	err := l.fail
	select {
	case <-time.After(l.takes):
	case <-ctx.Done():
		err = ctx.Err()
	}
	return each(len(records), func(int) (Delivery, error) { return Delivery{run: run}, err })
}

func (l *lane) sizes() (sizes []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ids := range l.sent {
		sizes = append(sizes, len(ids))
	}
	return sizes
}

func (l *lane) want(t *testing.T, sizes ...int) {
	t.Helper()
	synctest.Wait()
	if got := l.sizes(); fmt.Sprint(got) != fmt.Sprint(sizes) {
		t.Errorf("workflows of %v records, want %v", got, sizes)
	}
}

func some(n int) audit.Record {
	r := audit.Record{
		ExecutionID: "scale-web", ExecutionUID: fmt.Sprint("uid-", n), ActionType: "scale", Cluster: "prod", Source: "KubernetesExecution", Phase: "Completed",
		CreatedAt: time.Date(2026, 11, 23, 10, 0, n, 0, time.UTC),
	}
	r.ID = audit.ID(r.Cluster, r.ExecutionUID)
	return r
}

// all starts n records at once and returns when all are started.
func (l *lane) all(t *testing.T, n int) {
	t.Helper()
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			if _, err := l.Start(t.Context(), some(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

func bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

func TestALoneRecordGoesAtOnceAndLeavesNothingBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := open(BatchConfig{Wait: time.Hour}, time.Millisecond)
		for i := range 3 {
			if _, err := l.Start(t.Context(), some(i)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		l.want(t, 1, 1, 1)
		for i, at := range l.at {
			if want := time.Duration(i) * (time.Minute + time.Millisecond); at != want {
				t.Errorf("start %d after %s, want %s", i, at, want)
			}
		}
		synctest.Wait()
		if l.clock != nil || l.flying != 0 || len(l.waiting) != 0 { // a goroutine would fail the bubble
			t.Errorf("idle, but clock %v, %d under way, %d waiting", l.clock, l.flying, len(l.waiting))
		}
	})
}

func TestWhileAStartIsUnderWayTheNextOnesGather(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := open(BatchConfig{Size: 10, Wait: time.Hour, Registerer: prometheus.NewRegistry()}, time.Second)
		l.all(t, 24)
		l.want(t, 1, 10, 10, 3)
		seen := map[string]bool{}
		for _, ids := range l.sent {
			for _, id := range ids {
				seen[id] = true
			}
		}
		if len(seen) != 24 {
			t.Errorf("%d records sent, want 24", len(seen))
		}
		if err := testutil.CollectAndCompare(l.size, strings.NewReader(`# HELP auditflow_batch_records Records per workflow that was started
# TYPE auditflow_batch_records histogram
auditflow_batch_records_bucket{le="1"} 1
auditflow_batch_records_bucket{le="2"} 1
auditflow_batch_records_bucket{le="5"} 2
auditflow_batch_records_bucket{le="10"} 4
auditflow_batch_records_bucket{le="20"} 4
auditflow_batch_records_bucket{le="50"} 4
auditflow_batch_records_bucket{le="100"} 4
auditflow_batch_records_bucket{le="150"} 4
auditflow_batch_records_bucket{le="+Inf"} 4
auditflow_batch_records_sum 24
auditflow_batch_records_count 4
`)); err != nil {
			t.Error(err)
		}
	})
}

func TestSizeOneAndNoWaitAreOneWorkflowPerRecord(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]BatchConfig{"size 1": {Size: 1, Wait: time.Hour}, "no wait": {Size: 100}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l := open(cfg, time.Second)
				l.Expect()
				l.all(t, 30)
				synctest.Wait()
				if got := l.sizes(); len(got) != 30 {
					t.Errorf("%d workflows, want 30", len(got))
				}
				if took := time.Since(l.began); took != time.Second {
					t.Errorf("took %s: they must not wait for each other", took)
				}
			})
		})
	}
}

func TestNoRecordWaitsLongerForCompanyThanItIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := open(BatchConfig{Wait: 5 * time.Second}, time.Minute)
		go l.all(t, 1)
		synctest.Wait()
		l.all(t, 3) // while the first start hangs
		l.want(t, 1, 3)
		if l.at[1] != 5*time.Second {
			t.Errorf("sent after %s, want 5s", l.at[1])
		}
	})
}

func TestThoseHereWaitForThoseOnTheirWay(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		late  time.Duration
		sizes []int
	}{
		"who come soon":     {company / 2, []int{2}},
		"but not for long":  {2 * company, []int{1, 1}},
		"who do not come":   {-company / 2, []int{1}},
		"nor those who are": {0, []int{2}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l := open(BatchConfig{Wait: time.Hour}, time.Millisecond)
				expected := l.Expect()
				go l.all(t, 1)
				synctest.Wait()
				time.Sleep(max(tc.late, -tc.late))
				if tc.late < 0 {
					expected.Cancel()
				} else if _, err := expected.Start(t.Context(), some(7)); err != nil {
					t.Error(err)
				}
				expected.Cancel() // does nothing more
				time.Sleep(time.Second)
				l.want(t, tc.sizes...)
				if l.coming != 0 {
					t.Errorf("%d still expected", l.coming)
				}
			})
		})
	}
}

func TestAFullBatchDoesNotWaitForThoseOnTheirWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := open(BatchConfig{Size: 4, Wait: time.Hour}, 0)
		defer l.Expect().Cancel()
		l.all(t, 4)
		l.want(t, 4)
		if l.at[0] != 0 {
			t.Errorf("sent after %s", l.at[0])
		}
	})
}

func TestABatchIsBoundedInBytesAndALargeRecordGoesAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := open(BatchConfig{Bytes: 100 << 10, Wait: time.Hour}, time.Second)
		records := make([]audit.Record, 6)
		for i := range records {
			records[i] = some(i)
			records[i].Output = strings.Repeat("x", 30<<10)
		}
		records[4].Output = strings.Repeat("x", 1<<20)
		for _, s := range l.StartAll(t.Context(), records) {
			if s.Err != nil {
				t.Error(s.Err)
			}
		}
		l.want(t, 3, 1, 1, 1)
	})
}

func TestRecordsThatComeTogetherMakeAsFewWorkflowsAsTheyCan(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := open(BatchConfig{Size: 10, Wait: time.Hour}, time.Second)
		records := make([]audit.Record, 25)
		for i := range records {
			records[i] = some(i)
		}
		records[3].Phase = "" // at fault
		for i, s := range l.StartAll(t.Context(), records) {
			if refused := s.Err != nil; refused != (i == 3) {
				t.Errorf("record %d: %v", i, s.Err)
			}
		}
		l.want(t, 10, 10, 4)
	})
}

func TestWhenABatchFailsEachCallerHearsOfIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := open(BatchConfig{Wait: time.Hour}, time.Second)
		l.fail = errors.New("frontend is away")
		var failed sync.WaitGroup
		for i := range 5 {
			failed.Go(func() {
				if _, err := l.Start(t.Context(), some(i)); !errors.Is(err, l.fail) {
					t.Errorf("got %v", err)
				}
			})
		}
		failed.Wait()
		l.want(t, 1, 4)
	})
}

func TestACallerThatLeavesHoldsNobodyUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := open(BatchConfig{Wait: time.Hour}, time.Hour)
		leave := func(after time.Duration, n int) {
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			if _, err := l.Start(ctx, some(n)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		}
		go leave(10*time.Second, 0) // flies, and nobody else waits for it
		synctest.Wait()
		go leave(2*time.Second, 1)  // leaves before it is sent
		go leave(30*time.Second, 2) // goes as soon as the first has left
		time.Sleep(15 * time.Second)
		l.want(t, 1, 1)
		if l.at[1] != 10*time.Second || l.sent[1][0] != some(2).ID {
			t.Errorf("sent %v after %s: a start that nobody waits for any more must end", l.sent[1], l.at[1])
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if l.flying != 0 || len(l.waiting) != 0 {
			t.Errorf("%d under way, %d waiting", l.flying, len(l.waiting))
		}
	})
}
