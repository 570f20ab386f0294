package main

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// books are both sides: what completed, told by the executor and by the API
// server, and what is recorded.
type books struct {
	finished  []finished
	seen      map[types.UID]sighting
	rows      []row
	workflows map[string]string // status in Temporal by workflow id
}

// verdict is what comparing them shows.
type verdict struct {
	executions int // completed, as either of the two witnesses says
	persisted  int // of them, those that have a row
	missing    int
	duplicates int // rows beyond the first of an execution
	// differences are sentences for people, the missing and the duplicate
	// among them. None means that every row tells the truth.
	differences []string
	// early says that some of them may only be a matter of time: rows do not
	// change any more, but may still come.
	early bool
}

func (v *verdict) differ(format string, args ...any) {
	v.differences = append(v.differences, fmt.Sprintf(format, args...))
}

// notYet is a difference that time may heal.
func (v *verdict) notYet(format string, args ...any) {
	v.early = true
	v.differ(format, args...)
}

// compare is pure.
func (b books) compare() verdict {
	var v verdict
	byUID := map[types.UID][]row{}
	for _, r := range b.rows {
		byUID[types.UID(r.UID)] = append(byUID[types.UID(r.UID)], r)
	}
	completed := map[types.UID]bool{}
	for _, f := range b.finished {
		completed[f.completion.UID] = true
		b.compareOne(&v, f, byUID[f.completion.UID])
	}
	b.compareWitnesses(&v, completed)
	for _, uid := range slices.Sorted(maps.Keys(byUID)) {
		if !completed[uid] {
			v.differ("row %s is about %q, which nobody saw complete", byUID[uid][0].ID, byUID[uid][0].Name)
		}
	}
	for uid := range completed {
		v.executions++
		if n := len(byUID[uid]); n == 0 {
			v.missing++
		} else {
			v.persisted++
			v.duplicates += n - 1
		}
	}
	return v
}

func (b books) compareOne(v *verdict, f finished, rows []row) {
	name := f.scenario.name
	seen := b.seen[f.completion.UID]
	if !seen.completed() {
		v.notYet("%s completed, says the executor, but the API server never showed it", name)
		return
	}
	switch len(rows) {
	case 0:
		v.notYet("%s completed %s and has no row", name, f.completion.At.UTC().Format("15:04:05.000"))
		return
	case 1:
	default:
		v.differ("%s has %d rows", name, len(rows))
	}
	for _, difference := range compareRow(f, seen.object, rows[0]) {
		v.differ("%s: %s", name, difference)
	}
	b.compareMarks(v, f, seen, rows[0])
}

// compareWitnesses adds what the API server showed and the executor does not know.
func (b books) compareWitnesses(v *verdict, completed map[types.UID]bool) {
	for _, uid := range slices.Sorted(maps.Keys(b.seen)) {
		if s := b.seen[uid]; s.completed() && !completed[uid] {
			completed[uid] = true
			v.differ("%s completed, says the API server, but not by our executor", s.object.Name)
		}
	}
}

// compareMarks looks at the object and at the workflow.
func (b books) compareMarks(v *verdict, f finished, seen sighting, r row) {
	name := f.scenario.name
	switch {
	case f.scenario.want.deleted && !seen.gone:
		v.notYet("%s was deleted and is still there, held by %q", name, seen.object.Finalizers)
	case f.scenario.want.deleted:
	case seen.gone:
		v.differ("%s is gone, and nobody deleted it", name)
	default:
		for _, difference := range compareObject(seen.object, r) {
			v.notYet("%s: %s", name, difference)
		}
	}
	if status := b.workflows[r.DeliveredBy]; status != "Completed" {
		v.notYet("%s: delivered_by names workflow %q, which is %q in Temporal, not Completed", name, r.DeliveredBy, status)
	}
}
