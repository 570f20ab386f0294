package controller

import (
	"maps"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/auditflow/auditflow/audit"
)

const rowOfOne = "0198c0de-0000-5000-8000-000000000001"

// life is one object in the API server, with a controller that may look at it late
// and forget all it knew.
type life struct {
	versions []*metav1.PartialObjectMetadata // what the API server had, newest last
	ended    bool
	others   bool // somebody else's finalizer keeps it
	gone     bool
	known    stage // what this process knows

	started, committed bool // what Temporal and PostgreSQL know
}

func (l *life) now() *metav1.PartialObjectMetadata { return l.versions[len(l.versions)-1] }

// change is a write to the newest version, after which the API server removes
// what is deleted and kept by nobody.
func (l *life) change(f func(o *metav1.PartialObjectMetadata)) {
	o := l.now().DeepCopy()
	f(o)
	l.versions = append(l.versions, o)
	l.gone = o.DeletionTimestamp != nil && len(o.Finalizers) == 0
}

// reconcile does what the reconciler does with the version that its cache has; a
// patch of an old one is a conflict.
func (l *life) reconcile(version int) {
	o := l.versions[version]
	next := decide(o, rowOfOne, l.ended, l.known)
	var m marks
	switch next {
	case stepHold:
		m = held(o)
	case stepDeliver:
		l.known = stageSubmitted
		return
	case stepForget:
		l.known = stageUnknown
		return
	case stepLetGo:
		m = released(o, nil)
	case stepMark:
		m = released(o, nil)
		if !isMarked(o, rowOfOne) {
			m = released(o, persistedAnnotations(audit.Receipt{ID: rowOfOne}, time.Unix(0, 0)))
		}
	default:
		return
	}
	if o != l.now() || l.gone {
		return
	}
	l.change(func(o *metav1.PartialObjectMetadata) {
		o.Finalizers = m.Finalizers
		if o.Annotations == nil {
			o.Annotations = map[string]string{}
		}
		maps.Copy(o.Annotations, m.Annotations)
	})
}

// check reads the history: not held, held, let go; and marked at most from the end
// of it on. A finalizer goes only when somebody has the record.
func (l *life) check(t *rapid.T) {
	for i, o := range l.versions[1:] {
		before := l.versions[i]
		wasHeld, isNowHeld := isHeld(before), isHeld(o)
		wasMarked, isNowMarked := isMarked(before, rowOfOne), isMarked(o, rowOfOne)
		switch {
		case wasMarked && !isNowMarked:
			t.Fatalf("version %d: the mark is gone", i+1)
		case !wasMarked && isNowMarked && (isNowHeld || !l.committed || !wasHeld && o.DeletionTimestamp == nil): // nobody may be held that is being deleted
			t.Fatalf("version %d: marked, held before %v and after %v, committed %v", i+1, wasHeld, isNowHeld, l.committed)
		case !wasHeld && isNowHeld && wasMarked:
			t.Fatalf("version %d: held again though it is marked", i+1)
		case wasHeld && !isNowHeld && !isNowMarked && (o.DeletionTimestamp == nil || !l.started):
			t.Fatalf("version %d: let go, deleted %v, in Temporal %v", i+1, o.DeletionTimestamp, l.started)
		case l.others && !slices.Contains(o.Finalizers, "somebody/else"):
			t.Fatalf("version %d: somebody else's finalizer was taken off", i+1)
		}
	}
}

// In whatever order it is reconciled, looked at late, deleted, delivered and
// forgotten by processes that end, each object goes through its marks once, in
// their order, and comes to their end.
func TestTheMarksOfAnObjectAreALine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := &metav1.PartialObjectMetadata{}
		l := &life{others: rapid.Bool().Draw(t, "others")}
		if l.others {
			o.Finalizers = []string{"somebody/else"}
		}
		l.versions = append(l.versions, o)
		deliver := func() {
			switch l.known {
			case stageSubmitted:
				if isHeld(l.now()) || l.now().DeletionTimestamp != nil {
					l.known, l.started = stageStarted, true
				}
			case stageStarted:
				l.known, l.committed = stagePersisted, true
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"reconcile": func(t *rapid.T) {
				if !l.gone {
					late := rapid.IntRange(0, min(2, len(l.versions)-1)).Draw(t, "late")
					l.reconcile(len(l.versions) - 1 - late)
				}
			},
			"end":     func(*rapid.T) { l.ended = true },
			"deliver": func(*rapid.T) { deliver() },
			"restart": func(*rapid.T) { l.known = stageUnknown },
			"touch": func(t *rapid.T) {
				if l.gone {
					t.Skip("it is gone")
				}
				l.change(func(o *metav1.PartialObjectMetadata) { o.Generation++ })
			},
			"delete": func(t *rapid.T) {
				if l.now().DeletionTimestamp != nil || rapid.IntRange(0, 3).Draw(t, "mind") > 0 {
					t.Skip("not now")
				}
				l.change(func(o *metav1.PartialObjectMetadata) { o.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} })
			},
			"": l.check,
		})
		l.ended, l.known = true, stageUnknown
		for range 8 { // a quiet while
			if !l.gone {
				l.reconcile(len(l.versions) - 1)
				deliver()
			}
		}
		l.check(t)
		wasHeld := slices.ContainsFunc(l.versions, func(o *metav1.PartialObjectMetadata) bool { return isHeld(o) })
		if marked := isMarked(l.now(), rowOfOne); isHeld(l.now()) || !marked && (!l.gone || wasHeld && !l.started) {
			t.Fatalf("in the end held %v, marked %v, gone %v, in Temporal %v", isHeld(l.now()), marked, l.gone, l.started)
		}
	})
}
