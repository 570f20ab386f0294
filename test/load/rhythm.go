package main

import (
	"math"
	"sort"
	"time"
)

// rhythm spreads executions over time: more by day than by night, fewer at
// weekends. Hours are UTC.
type rhythm struct {
	from       time.Time
	cumulative []float64 // share of executions before the end of each hour
}

func newRhythm(from, until time.Time) rhythm {
	r := rhythm{from: from}
	total := 0.0
	for hour := from; hour.Before(until); hour = hour.Add(time.Hour) {
		total += weight(hour)
		r.cumulative = append(r.cumulative, total)
	}
	for i := range r.cumulative {
		r.cumulative[i] /= total
	}
	return r
}

// weight is how busy an hour is: night 1, noon 3, at weekends half of that.
func weight(hour time.Time) float64 {
	w := 2 - math.Cos(2*math.Pi*(float64(hour.Hour())-1)/24)
	if day := hour.Weekday(); day == time.Saturday || day == time.Sunday {
		w /= 2
	}
	return w
}

// at is the instant before which this share of all executions lies, 0 ≤ share < 1.
func (r rhythm) at(share float64) time.Time {
	hour := sort.SearchFloat64s(r.cumulative, share)
	before := 0.0
	if hour > 0 {
		before = r.cumulative[hour-1]
	}
	within := (share - before) / (r.cumulative[hour] - before)
	return r.from.Add(time.Duration((float64(hour) + within) * float64(time.Hour)))
}
