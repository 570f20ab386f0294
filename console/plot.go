package console

import (
	"math"
	"time"
)

// Plots are SVG whose coordinates are computed here and written by templates. Their
// width is that of the view box; browsers scale it.
const plotWidth = 960

// scale maps values to coordinates.
type scale struct{ low, high, from, to float64 }

func (s scale) at(value float64) float64 {
	if s.high == s.low {
		return s.from
	}
	return round(s.from + (value-s.low)/(s.high-s.low)*(s.to-s.from))
}

// round keeps the text of a plot short: a tenth of a pixel is not seen.
func round(x float64) float64 { return math.Round(x*10) / 10 }

// tick is a mark on an axis.
type tick struct {
	At   float64
	Text string
}

// countTicks are round numbers from 0 to at least most.
func countTicks(most int64) (steps []int64) {
	step := int64(1)
	for _, factor := 1, []int64{2, 5, 10}; most > 4*step; {
		for _, f := range factor {
			if most <= 4*step*f || f == 10 {
				step *= f
				break
			}
		}
	}
	for n := int64(0); ; n += step {
		if steps = append(steps, n); n >= most && n > 0 {
			return steps
		}
	}
}

// timeTicks are midnights or hours, not too many.
func timeTicks(s scale, from, to time.Time) (ticks []tick) {
	for _, choice := range []struct {
		next   func(time.Time) time.Time
		first  time.Time
		layout string
	}{
		{hours(3), from.Truncate(24 * time.Hour), "15:04"},
		{days(1), from.Truncate(24 * time.Hour), "Jan 2"},
		{days(5), from.Truncate(24 * time.Hour), "Jan 2"},
		{months(1), monthOf(from), "Jan 2006"},
		{months(3), time.Date(from.Year(), 1, 1, 0, 0, 0, 0, time.UTC), "Jan 2006"},
		{months(12), time.Date(from.Year(), 1, 1, 0, 0, 0, 0, time.UTC), "2006"},
		{months(120), time.Date(from.Year(), 1, 1, 0, 0, 0, 0, time.UTC), "2006"},
	} {
		ticks = ticks[:0]
		for t := choice.first; !t.After(to) && len(ticks) < 16; t = choice.next(t) {
			if !t.Before(from) {
				ticks = append(ticks, tick{s.at(float64(t.Unix())), t.Format(choice.layout)})
			}
		}
		if len(ticks) < 14 {
			break
		}
	}
	return ticks
}

func hours(n int) func(time.Time) time.Time {
	return func(t time.Time) time.Time { return t.Add(time.Duration(n) * time.Hour) }
}

func days(n int) func(time.Time) time.Time {
	return func(t time.Time) time.Time { return t.AddDate(0, 0, n) }
}

func months(n int) func(time.Time) time.Time {
	return func(t time.Time) time.Time { return t.AddDate(0, n, 0) }
}

func monthOf(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC) }

// bar is one of a plot, with what it says when it is pointed at.
type bar struct {
	X, Y, W, H  float64
	Class, Says string
}

// short cuts a name for a place in a plot; the table beneath has all of it.
func short(name string, most int) string {
	runes := []rune(name)
	if len(runes) <= most {
		return name
	}
	return string(runes[:most-1]) + "…"
}
