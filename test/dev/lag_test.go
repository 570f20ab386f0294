package main

import (
	"testing"
	"time"
)

func TestPercentileIsTheNearestRank(t *testing.T) {
	t.Parallel()
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[99-i] = time.Duration(i + 1)
	}
	for _, c := range []struct {
		name   string
		values []time.Duration
		p      float64
		want   time.Duration
	}{
		{"the middle of a hundred", hundred, 50, 50},
		{"99 of a hundred do not exceed it", hundred, 99, 99},
		{"the largest", hundred, 100, 100},
		{"the 99th of few is the largest", []time.Duration{7, 3, 5}, 99, 7},
		{"the middle of few, unsorted", []time.Duration{7, 3, 5}, 50, 5},
		{"one", []time.Duration{4}, 50, 4},
		{"none", nil, 99, 0},
	} {
		if got := percentile(c.values, c.p); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestARowThatIsFasterThanTheAcknowledgementLagsByNothing(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 0)
	if got := lag(at, at.Add(-time.Millisecond)); got != 0 {
		t.Errorf("lag %v", got)
	}
	if got := lag(at, at.Add(time.Second)); got != time.Second {
		t.Errorf("lag %v", got)
	}
}
