package fire

import (
	"testing"
	"time"
)

func TestTheBooksTellWhatWasLostAndWhatIsThereTwice(t *testing.T) {
	t.Parallel()
	b := &Books{Answers: map[string]int{}, began: time.Now()}
	for _, answer := range []struct {
		uid    string
		status int
	}{{"a", 201}, {"b", 503}, {"b", 201}, {"c", 0}, {"c", 201}, {"d", 429}, {"e", 0}} {
		b.note(record{uid: answer.uid}, answer.status, time.Millisecond)
	}
	if b.Accepted() != 3 || b.Requests() != 7 || b.Answers["none"] != 2 || b.Answers["201"] != 3 {
		t.Errorf("%d accepted of %d requests: %v", b.Accepted(), b.Requests(), b.Answers)
	}
	if o := b.compare(map[string]int{"a": 1, "b": 2, "e": 1}); o.Rows != 4 || o.Lost != 1 || o.Duplicates != 1 {
		t.Errorf("c is lost, b is there twice, e may be there: %+v", o)
	}
	if o := b.compare(map[string]int{"a": 1, "b": 1, "c": 1}); o.Lost != 0 || o.Duplicates != 0 {
		t.Errorf("all is well: %+v", o)
	}
}

func TestTheSameSeedKillsAtTheSameMomentsWithinTheLoad(t *testing.T) {
	t.Parallel()
	const within = 10 * time.Second
	one, same, other := moments(5, within, seeded(1)), moments(5, within, seeded(1)), moments(5, within, seeded(2))
	differs := false
	for i := range one {
		if one[i] != same[i] {
			t.Errorf("kill %d comes at %s and at %s", i, one[i], same[i])
		}
		if one[i] < time.Second || one[i] > 9*time.Second || i > 0 && one[i] < one[i-1] {
			t.Errorf("moments %v", one)
		}
		differs = differs || one[i] != other[i]
	}
	if !differs {
		t.Error("another seed has the same moments")
	}
}
