package controller

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
)

// cached is a cache of executions, as [Executions.Cache] leaves them.
type cached struct {
	cluster
	items []v1.KubernetesExecution
	err   error
}

func (c *cached) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*v1.KubernetesExecutionList).Items = c.items
	return c.err
}

func ended(t *testing.T, uid types.UID, ago time.Duration, annotations map[string]string) v1.KubernetesExecution {
	t.Helper()
	ex := v1.KubernetesExecution{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: string(uid), UID: uid, Annotations: annotations}}
	ex.Status.Phase = v1.PhaseCompleted
	if ago > 0 {
		at := metav1.NewTime(time.Now().Add(-ago))
		ex.Status.Result = &v1.Result{EndTime: &at, Output: "content"}
	}
	return *stripped(t, &ex).(*v1.KubernetesExecution)
}

func TestACensusTellsWhatHasItsRowWhatIsComingAndWhatNobodyDelivers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		never := func(ctx context.Context, _ int, _ audit.Record) (run, error) { return run{}, hang(ctx) }
		at := func(uid types.UID) types.NamespacedName {
			return types.NamespacedName{Namespace: "ns", Name: string(uid)}
		}
		d := open(t, Config{}, cluster{at("coming"): "coming", at("without time"): "without time"}, never)
		marked := func(id string) map[string]string {
			return map[string]string{v1.PersistedAnnotation: id + " 2026-11-23T05:00:00Z"}
		}
		running := ended(t, "running", 0, nil)
		running.Status.Phase = v1.PhaseExecuting
		cache := &cached{items: []v1.KubernetesExecution{
			running,
			ended(t, "kept", 3*time.Hour, marked(audit.ID("", "kept"))),
			ended(t, "copied", 10*time.Minute, marked("the row of another")),
			ended(t, "coming", 30*time.Minute, nil),
			ended(t, "without time", 0, nil),
		}}
		for _, uid := range []types.UID{"coming", "without time"} {
			d.submit(context.Background(), target{name: at(uid), uid: uid, source: executions})
		}
		scheme, err := Scheme()
		if err != nil {
			t.Fatal(err)
		}
		c := &census{cache: cache, scheme: scheme, watched: watched, deliveries: d.Deliveries, log: logr.Discard()}
		c.tell(t.Context(), executions)
		for name, tc := range map[string]struct{ got, want float64 }{
			"completed": {testutil.ToFloat64(d.metrics.completed), 4}, "persisted": {testutil.ToFloat64(d.metrics.persisted), 1},
			"pending": {testutil.ToFloat64(d.metrics.delivering), 2}, "oldest": {testutil.ToFloat64(d.metrics.oldestPending), 1800},
		} {
			if tc.got != tc.want {
				t.Errorf("%s: %v, want %v", name, tc.got, tc.want)
			}
		}
		cache.err = errors.New("not in sync")
		c.tell(t.Context(), executions)
		if n := testutil.CollectAndCount(d.metrics.completed); n != 0 {
			t.Error("what is not known has a sample")
		}
	})
}

func TestTheCacheKeepsWhenAnObjectEndedUntilItIsMarked(t *testing.T) {
	t.Parallel()
	f, j := facts(), jobFacts()
	for source, o := range map[Source]client.Object{&Executions{}: f.Execution, &Jobs{}: j.Job} {
		want := source.CompletedAt(o)
		if want.IsZero() {
			t.Fatalf("%T: the facts have no end", o)
		}
		if got := source.CompletedAt(stripped(t, o)); !got.Equal(want) {
			t.Errorf("%T: ended %s, want %s", o, got, want)
		}
		o.SetAnnotations(map[string]string{v1.PersistedAnnotation: "id time"})
		if got := source.CompletedAt(stripped(t, o)); !got.IsZero() {
			t.Errorf("%T: marked, and its end is kept: %s", o, got)
		}
	}
}
