package controller

import (
	"context"
	"testing"
	"testing/synctest"

	"k8s.io/apimachinery/pkg/types"

	"github.com/auditflow/auditflow/audit"
)

func TestPendingCountsWhatHasNoRowYet(t *testing.T) {
	bubble(t, func(t *testing.T) {
		api, targets := populate(3)
		first, second, third := targets[0], targets[1], targets[2]
		rows := map[string]chan struct{}{"uid-0": make(chan struct{}), "uid-1": make(chan struct{}), "uid-2": make(chan struct{})}
		d := open(t, Config{}, api, func(_ context.Context, _ int, r audit.Record) (run, error) {
			return run{end: func(ctx context.Context) error {
				select {
				case <-rows[r.ExecutionUID]:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}}, nil
		})
		count := func(want float64, after string) {
			t.Helper()
			if n := d.pending(t); n != want {
				t.Errorf("%v pending after %s, want %v", n, after, want)
			}
		}
		count(0, "nothing")
		for _, x := range targets {
			d.submit(context.Background(), x)
		}
		count(3, "three were submitted")
		close(rows["uid-0"])
		d.until(t, first, stagePersisted)
		count(2, "the first was committed")
		d.forget(first.place(), "")
		count(2, "the first was forgotten")
		d.drop(second.uid)
		d.drop(second.uid)
		count(1, "the second was dropped")
		close(rows["uid-1"])
		synctest.Wait()
		count(1, "the second was committed after all")
		close(rows["uid-2"])
		d.until(t, third, stagePersisted)
		count(0, "the third was committed")
		d.drop(third.uid)
		count(0, "the third was marked")
	})
}

func TestForgettingANameKeepsWhatIsNotSettledAndWhoHasTheNameNow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		name := types.NamespacedName{Namespace: "kubernaut", Name: "reused"}
		old, unsettled, current := executionAt(name, "old"), executionAt(name, "unsettled"), executionAt(name, "current")
		api := cluster{}
		d := open(t, Config{}, api, func(_ context.Context, _ int, r audit.Record) (run, error) {
			if types.UID(r.ExecutionUID) == unsettled.uid {
				return run{end: hang}, nil
			}
			return run{}, nil
		})
		for _, x := range []struct {
			target
			stage
		}{{old, stagePersisted}, {unsettled, stageStarted}, {current, stagePersisted}} {
			api[name] = x.uid
			d.submit(context.Background(), x.target)
			d.until(t, x.target, x.stage)
		}
		d.forget(current.place(), current.uid)
		for x, want := range map[target]stage{old: stageUnknown, unsettled: stageStarted, current: stagePersisted} {
			if got := d.look(x.uid).stage; got != want {
				t.Errorf("%s: stage %d, want %d", x.uid, got, want)
			}
		}
		d.forget(current.place(), "")
		if got := d.look(current.uid).stage; got != stageUnknown {
			t.Errorf("settled and gone, but at stage %d", got)
		}
	})
}
