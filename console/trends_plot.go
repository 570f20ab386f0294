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
	low, high := math.Inf(1), 0.0
	for _, d := range all {
		if d.Max > 0 {
			low, high = math.Min(low, d.P50.Seconds()), math.Max(high, d.P99.Seconds())
		}
	}
	low = math.Floor(math.Log10(math.Max(math.Min(low, high), 0.001)))
	high = math.Max(math.Ceil(math.Log10(math.Max(high, 0.001))), low+1)
	x := scale{low, high, nameWidth + 10, plotRight}
	at := func(d time.Duration) float64 { return x.at(math.Max(math.Log10(math.Max(d.Seconds(), 0.001)), low)) }
	for i, d := range all {
		p.Rows = append(p.Rows, lengthRow{
			Y: float64(plotTop + i*rowHeight + rowHeight/2), P50: at(d.P50), P95: at(d.P95), P99: at(d.P99), Name: short(d.Action, nameRunes),
			Says: fmt.Sprintf("%s: median %s, 95 of 100 within %s, 99 within %s", d.Action, span(d.P50), span(d.P95), span(d.P99)),
		})
	}
	p.Bottom = float64(plotTop + len(all)*rowHeight)
	p.Height = p.Bottom + 20
	for power := low; power <= high; power++ {
		p.Ticks = append(p.Ticks, tick{x.at(power), span(time.Duration(math.Pow(10, power) * float64(time.Second)))})
	}
	return p
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
