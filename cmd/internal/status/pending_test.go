package status

import (
	"errors"
	"testing"
	"time"
)

// crowd counts those that were started before a time, as Temporal does, and how
// often it was asked.
func crowd(starts []time.Time, asked *int) func(time.Time) (int64, error) {
	return func(before time.Time) (n int64, err error) {
		*asked++
		for _, start := range starts {
			if start.Before(before) {
				n++
			}
		}
		return n, nil
	}
}

func TestTheOldestIsFoundAmongAnyNumberByCounting(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	var many []time.Time // one every 100 ms, the latest first
	for i := range 20_000 {
		many = append(many, now.Add(-time.Duration(i)*100*time.Millisecond))
	}
	for name, oldest := range map[string]time.Time{
		"one of months ago":              now.AddDate(0, -5, 0),
		"the first of a steady stream":   many[len(many)-1].Add(-time.Millisecond),
		"one by a clock ahead of ours":   now.Add(10 * time.Minute),
		"one from before there was time": time.Unix(0, 0),
	} {
		asked, starts := 0, append([]time.Time{oldest}, many...)
		if oldest.After(now) {
			starts = make([]time.Time, 150)
			for i := range starts {
				starts[i] = oldest.Add(time.Duration(i) * time.Second)
			}
		}
		count := crowd(starts, &asked)
		before, err := first(now, int64(len(starts)), count)
		if err != nil {
			t.Fatal(err)
		}
		n, _ := count(before)
		if n < 1 || n > handful || !oldest.Before(before) || asked > 40 {
			t.Errorf("%s: %d are listed, started before %s, after %d counts", name, n, before, asked)
		}
	}
}

func TestABurstWithinASecondIsSearchedNoFurther(t *testing.T) {
	t.Parallel()
	now, asked := time.Now(), 0
	starts := make([]time.Time, 5000)
	for i := range starts {
		starts[i] = now.Add(-time.Hour)
	}
	before, err := first(now, int64(len(starts)), crowd(starts, &asked))
	if err != nil || before.Sub(starts[0]) > time.Second || asked > 40 {
		t.Errorf("before %s, %d counts, %v", before, asked, err)
	}
}

func TestASearchEndsWithTheFirstCountThatFails(t *testing.T) {
	t.Parallel()
	broken, asked := errors.New("away"), 0
	_, err := first(time.Now(), 1000, func(time.Time) (int64, error) { asked++; return 0, broken })
	if !errors.Is(err, broken) || asked != 1 {
		t.Errorf("%v after %d counts", err, asked)
	}
}
