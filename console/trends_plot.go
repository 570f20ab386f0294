package console

import (
	"fmt"
	"math"
	"time"
)

// volumePlot are bars of executions, those that failed on top.
type volumePlot struct {
	Bars   []bar
	Counts []tick // of the axis to the left
	Times  []tick
}

// The edges of a plot over time: room for numbers to the left and times beneath.
const (
	plotLeft, plotRight = 60, plotWidth - 10
	plotTop, plotBottom = 12, 180
)

func timeScale(r Range) scale {
	return scale{float64(r.From.Unix()), float64(r.To.Unix()), plotLeft, plotRight}
}

func plotVolume(t trends) (p volumePlot) {
	var most int64
	for _, s := range t.Steps {
		most = max(most, s.Succeeded+s.Failed)
	}
	ticks := countTicks(most)
	y := scale{0, float64(ticks[len(ticks)-1]), plotBottom, plotTop}
	for _, n := range ticks {
		p.Counts = append(p.Counts, tick{y.at(float64(n)), count(n)})
	}
	x := timeScale(t.Range)
	p.Times = timeTicks(x, t.Range.From, t.Range.To)
	for _, s := range t.Steps {
		left, right := x.at(float64(s.Start.Unix())), x.at(math.Min(float64(s.Start.Add(t.Step).Unix()), x.high))
		says := fmt.Sprintf("%s: %s succeeded, %s failed", when(s.Start), count(s.Succeeded), count(s.Failed))
		middle, top := y.at(float64(s.Succeeded)), y.at(float64(s.Succeeded+s.Failed))
		width := round(math.Max(right-left-1.5, 0.5))
		p.Bars = append(p.Bars, bar{left, middle, width, round(plotBottom - middle), "s1", says},
			bar{left, top, width, round(middle - top), "s2", says})
	}
	return p
}

// sharePlot are bars of the share that failed.
type sharePlot volumePlot

func plotShares(t trends) (p sharePlot) {
	const bottom = 100
	most := 0.0
	share := func(s Step) float64 { return 100 * float64(s.Failed) / math.Max(float64(s.Succeeded+s.Failed), 1) }
	for _, s := range t.Steps {
		most = math.Max(most, share(s))
	}
	ticks := countTicks(int64(math.Ceil(most)))
	y := scale{0, float64(ticks[len(ticks)-1]), bottom, plotTop}
	for _, n := range ticks {
		p.Counts = append(p.Counts, tick{y.at(float64(n)), count(n) + " %"})
	}
	x := timeScale(t.Range)
	p.Times = timeTicks(x, t.Range.From, t.Range.To)
	for _, s := range t.Steps {
		left, right := x.at(float64(s.Start.Unix())), x.at(math.Min(float64(s.Start.Add(t.Step).Unix()), x.high))
		top := y.at(share(s))
		p.Bars = append(p.Bars, bar{left, top, round(math.Max(right-left-1.5, 0.5)), round(bottom - top), "s2",
			fmt.Sprintf("%s: %s failed", when(s.Start), percent(s.Failed, s.Succeeded+s.Failed))})
	}
	return p
}

// lengthPlot has a line for each action: from the median to where 99 of 100 end, on
// a scale of powers, for actions take seconds or hours.
type lengthPlot struct {
	Height, Bottom float64
	Rows           []lengthRow
	Ticks          []tick
}

type lengthRow struct {
	Y, P50, P95, P99 float64
	Name, Says       string
}

// Rows of a plot, and room for names to the left.
const (
	rowHeight = 20
	nameWidth = 190
	nameRunes = 28
)

func plotLengths(all []Durations) (p lengthPlot) {
	bounds := lengthBounds(all)
	x := scale{math.Log(bounds[0].Seconds()), math.Log(bounds[len(bounds)-1].Seconds()), nameWidth + 10, plotRight - 20}
	at := func(d time.Duration) float64 { return x.at(math.Log(max(d, bounds[0]).Seconds())) }
	for i, d := range all {
		p.Rows = append(p.Rows, lengthRow{
			Y: float64(plotTop + i*rowHeight + rowHeight/2), P50: at(d.P50), P95: at(d.P95), P99: at(d.P99), Name: short(d.Action, nameRunes),
			Says: fmt.Sprintf("%s: median %s, 95 of 100 within %s, 99 within %s", d.Action, span(d.P50), span(d.P95), span(d.P99)),
		})
	}
	p.Bottom = float64(plotTop + len(all)*rowHeight)
	p.Height = p.Bottom + 20
	for _, b := range bounds {
		p.Ticks = append(p.Ticks, tick{at(b), span(b)})
	}
	return p
}

// lengths are what people compare lengths of time with.
var lengths = []time.Duration{
	time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, 10 * time.Second, time.Minute, 10 * time.Minute,
	time.Hour, 10 * time.Hour, 100 * time.Hour, 1000 * time.Hour,
}

// lengthBounds are those of lengths between which all medians and nearly all lengths lie.
func lengthBounds(all []Durations) []time.Duration {
	low, high := len(lengths)-2, 1
	for _, d := range all {
		for low > 0 && lengths[low] > d.P50 {
			low--
		}
		for high < len(lengths)-1 && lengths[high] < d.P99 {
			high++
		}
	}
	return lengths[low : max(high, low+1)+1]
}

// repeatPlot has a bar for each action and namespace.
type repeatPlot struct {
	Height float64
	Rows   []repeatRow
}

type repeatRow struct {
	bar
	TextY, CountX float64
	Name, Count   string
}

func plotRepeats(all []Retries) (p repeatPlot) {
	if len(all) == 0 {
		return p
	}
	const left, right = 2*nameWidth - 60, plotRight - 60
	x := scale{0, float64(all[0].Total), left, right} // the most frequent comes first
	for i, r := range all {
		y := float64(plotTop + i*rowHeight)
		end := x.at(float64(r.Total))
		p.Rows = append(p.Rows, repeatRow{
			bar:   bar{left, y + 3, round(end - left), rowHeight - 7, "s1", fmt.Sprintf("%s in %s: %s executions", r.Action, r.Namespace, count(r.Total))},
			TextY: y + 14, CountX: end + 6, Name: short(r.Action, nameRunes-4) + " · " + short(r.Namespace, nameRunes-6), Count: count(r.Total),
		})
	}
	p.Height = float64(plotTop + len(all)*rowHeight + 8)
	return p
}
