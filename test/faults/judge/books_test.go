package judge

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"
)

// told are books with three executions that were acknowledged, one that completed
// and one that was only attempted, and the rows that all but the last have.
func told() (*Books, []Row) {
	b, began := NewBooks(), time.Unix(1_790_000_000, 0)
	var rows []Row
	for _, uid := range []string{"a", "b", "c", "completed", "attempted"} {
		b.Attempt(Execution{UID: uid, Name: "name-" + uid, Action: "scale", Success: true, Output: "said " + uid})
		if uid != "attempted" {
			b.Complete(uid, "name-"+uid, began)
			rows = append(rows, Row{
				UID: uid, Name: "name-" + uid, Action: "scale", Success: true, Output: sha256.Sum256([]byte("said " + uid)),
				Persisted: began.Add(3 * time.Second), Where: "partition",
			})
		}
	}
	b.Acknowledge("a", "name-a", Durable, began)
	b.Acknowledge("b", "name-b", Persisted, began)
	b.Acknowledge("c", "name-c", Persisted, began)
	return b, rows
}

func TestTheJudgeIsContentWhenEverythingIsThereOnce(t *testing.T) {
	t.Parallel()
	b, rows := told()
	v := b.Judge(Places{Live: rows}, time.Time{})
	if !v.Kept() || v.Completions != 4 || v.Acknowledged != 3 || v.Delay != 3*time.Second || len(v.Examples) > 0 {
		t.Errorf("%+v", v)
	}
	if v := b.Judge(Places{Live: rows[:1], Detached: rows[1:2], Archived: rows[2:]}, time.Time{}); !v.Kept() {
		t.Errorf("some of it is in the archive or on its way there, which is as good: %+v", v)
	}
	if v := b.Judge(Places{Live: rows, Archived: rows}, time.Time{}); !v.Kept() {
		t.Errorf("all of it is in both places, as it is until a partition is dropped: %+v", v)
	}
	if v := b.Judge(Places{Live: rows}, rows[0].Persisted.Add(-time.Second)); v.Delay != time.Second {
		t.Errorf("a delay of %s, though it was not healed before", v.Delay)
	}
}

func TestTheJudgeNoticesEveryKindOfViolation(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		do    func(b *Books, rows []Row) (live, archived []Row)
		wrong func(v Verdict) bool
		said  string
	}{
		"a row removed": {
			func(_ *Books, rows []Row) ([]Row, []Row) { return rows[:3], nil },
			func(v Verdict) bool { return v.Lost == 1 && v.AbsentAcknowledged == 0 }, "name-completed is lost",
		},
		"the row of an acknowledged one removed": {
			func(_ *Books, rows []Row) ([]Row, []Row) { return rows[1:], nil },
			func(v Verdict) bool { return v.Lost == 1 && v.AbsentAcknowledged == 1 }, "name-a was acknowledged and was not there",
		},
		"a row doubled": {
			func(_ *Books, rows []Row) ([]Row, []Row) { return append(rows, rows[1]), nil },
			func(v Verdict) bool { return v.Duplicates == 1 && v.Lost == 0 }, "name-b has more than one row in the database",
		},
		"a row three times in the archive": {
			func(_ *Books, rows []Row) ([]Row, []Row) { return rows, []Row{rows[1], rows[1], rows[1]} },
			func(v Verdict) bool { return v.Duplicates == 1 }, "name-b has more than one row in the archive",
		},
		"a row that says something else": {
			func(_ *Books, rows []Row) ([]Row, []Row) { rows[2].Output[0]++; return rows, nil },
			func(v Verdict) bool { return v.Altered == 1 && v.Lost == 0 }, "name-c in partition says something else",
		},
		"a row of nobody": {
			func(_ *Books, rows []Row) ([]Row, []Row) {
				return append(rows, Row{UID: "x", Name: "name-x", Where: "partition"}), nil
			},
			func(v Verdict) bool { return v.Strange == 1 }, "name-x in partition is of an execution that nobody has ended",
		},
		"one that was told to be persisted before it was": {
			func(b *Books, rows []Row) ([]Row, []Row) { b.noteAbsent("b"); return rows, nil },
			func(v Verdict) bool { return v.AbsentAcknowledged == 1 && v.Lost == 0 }, "name-b was acknowledged and was not there",
		},
		"one that only the watch has seen": {
			func(b *Books, rows []Row) ([]Row, []Row) {
				b.Complete("seen", "name-seen", time.Now())
				return rows, nil
			},
			func(v Verdict) bool { return v.Lost == 1 && v.Completions == 5 }, "name-seen is lost",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, rows := told()
			live, archived := tc.do(b, rows)
			v := b.Judge(Places{Live: live, Archived: archived}, time.Time{})
			if v.Kept() || !tc.wrong(v) || !strings.Contains(strings.Join(v.Examples, "\n"), tc.said) {
				t.Errorf("%+v", v)
			}
		})
	}
}

func TestAPromiseThatCouldNotBeLookedAfterIsNotForgotten(t *testing.T) {
	t.Parallel()
	b, _ := told()
	taken := b.takePromises()
	if len(taken) != 2 || taken["b"] != "name-b" || taken["c"] != "name-c" {
		t.Fatalf("promises %v: an answer 201 is none to have the row at once", taken)
	}
	if again := b.takePromises(); len(again) != 0 {
		t.Errorf("taken twice: %v", again)
	}
	b.returnPromises(taken) // the database was away
	if again := b.takePromises(); len(again) != 2 {
		t.Errorf("after they were given back: %v", again)
	}
	b.Acknowledge("b", "name-b", Persisted, time.Now())
	if again := b.takePromises(); len(again) != 0 {
		t.Errorf("told again, it is the same promise: %v", again)
	}
}

func TestWhatCompletesLaterIsNotMissedYet(t *testing.T) {
	t.Parallel()
	b, rows := told()
	now := time.Now()
	b.Complete("later", "name-later", now.Add(time.Second))
	if n := b.Missing(Places{Live: rows[:1], Detached: rows[1:2], Archived: rows[2:3]}, now); n != 1 {
		t.Errorf("%d are missing, want the one that completed and is in neither place", n)
	}
	if n := b.Missing(Places{Live: rows}, now.Add(time.Minute)); n != 1 {
		t.Errorf("%d are missing a minute later, want the other one", n)
	}
}

func TestSomebodyWhoCompletedAndWasToldNothingIsWaitedFor(t *testing.T) {
	t.Parallel()
	b, _ := told()
	if n := b.Unacknowledged(); n != 1 {
		t.Errorf("%d unacknowledged, want the one that completed", n)
	}
	b.Acknowledge("completed", "name-completed", Durable, time.Now())
	if n := b.Unacknowledged(); n != 0 {
		t.Errorf("%d unacknowledged after all were told", n)
	}
}
