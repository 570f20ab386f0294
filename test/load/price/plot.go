package price

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// svg draws a plot of its own: few lines, no script, readable on white and on
// black, whichever the reader has chosen.
type svg struct {
	strings.Builder
	width, height int
}

const svgStyle = `<style>
text{font:13px system-ui,sans-serif;fill:#1f2328}.dim{fill:#59636e}.axis{stroke:#8c959f;stroke-width:1}.grid{stroke:#d1d9e0;stroke-width:1}
.back{fill:#fff}.whisker{stroke:#1f2328;stroke-width:1.5}.bound{stroke:#cf222e;stroke-width:1.5;stroke-dasharray:5 4}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.dim{fill:#9198a1}.axis{stroke:#6e7681}.grid{stroke:#30363d}.back{fill:#0d1117}.whisker{stroke:#e6edf3}.bound{stroke:#ff7b72}}
</style>
`

// colours have enough contrast on both grounds, and differ in lightness too.
func colours() []string { return []string{"#2f81f7", "#d29922", "#3fa650", "#a371f7", "#db6d28"} }

func newSVG(width, height int, title string) *svg {
	s := &svg{width: width, height: height}
	fmt.Fprintf(s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n%s", width, height, html.EscapeString(title), svgStyle)
	fmt.Fprintf(s, `<rect class="back" width="%d" height="%d"/>`+"\n", width, height)
	s.text(16, 26, "start", "", title)
	return s
}

func (s *svg) text(x, y float64, anchor, class, text string) {
	fmt.Fprintf(s, `<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`+"\n", x, y, anchor, class, html.EscapeString(text))
}

func (s *svg) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(s, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`+"\n", x1, y1, x2, y2, class)
}

func (s *svg) end() string { return s.String() + "</svg>\n" }

// bar is one of a plot of bars, stacked of parts.
type bar struct {
	name  string
	parts []float64
	total Spread
}

// bars draws one bar below the other, on a logarithmic scale if asked for; then a bar
// is not stacked, for parts cannot be compared there.
func bars(title, unit string, parts []string, all []bar) string {
	const left, right, top, step = 190.0, 130.0, 70.0, 30.0
	s := newSVG(860, int(top+step*float64(len(all))+34), title)
	most := 0.0
	for _, b := range all {
		most = max(most, b.total.Max)
	}
	scale := (float64(s.width) - left - right) / max(most, 1e-9)
	for i, name := range parts {
		fmt.Fprintf(s, `<rect x="%d" y="40" width="11" height="11" fill="%s"/>`+"\n", 16+i*165, colours()[i%len(colours())])
		s.text(float64(32+i*165), 50, "start", "dim", name)
	}
	for i, b := range all {
		y, x := top+step*float64(i), left
		s.text(left-8, y+15, "end", "", b.name)
		for k, value := range b.parts {
			fmt.Fprintf(s, `<rect x="%.1f" y="%.1f" width="%.1f" height="20" fill="%s"/>`+"\n", x, y, value*scale, colours()[k%len(colours())])
			x += value * scale
		}
		s.line(left+b.total.Min*scale, y+10, left+b.total.Max*scale, y+10, "whisker")
		s.text(left+b.total.Max*scale+8, y+15, "start", "dim", fmt.Sprintf("%.3g %s", b.total.Median, unit))
	}
	return s.end()
}

// curve is one of a plot of curves, by name.
type curve struct {
	name   string
	points [][2]float64
}

// curves draws lines over two axes, both of which may be logarithmic.
func curves(title, xName, yName string, logX bool, all []curve) string {
	const left, right, top, bottom = 70.0, 190.0, 56.0, 56.0
	s := newSVG(860, 400, title)
	x, y := axisOf(all, 0, logX), axisOf(all, 1, true)
	across := func(v float64) float64 { return left + x.at(v)*(float64(s.width)-left-right) }
	up := func(v float64) float64 { return float64(s.height) - bottom - y.at(v)*(float64(s.height)-top-bottom) }
	for _, tick := range y.ticks() {
		s.line(left, up(tick), float64(s.width)-right, up(tick), "grid")
		s.text(left-8, up(tick)+4, "end", "dim", short(tick))
	}
	for _, tick := range x.ticks() {
		s.line(across(tick), float64(s.height)-bottom, across(tick), float64(s.height)-bottom+5, "axis")
		s.text(across(tick), float64(s.height)-bottom+20, "middle", "dim", short(tick))
	}
	s.line(left, float64(s.height)-bottom, float64(s.width)-right, float64(s.height)-bottom, "axis")
	s.text((left+float64(s.width)-right)/2, float64(s.height)-14, "middle", "dim", xName)
	s.text(16, 46, "start", "dim", yName)
	labels := []float64{}
	for i, c := range all {
		var path strings.Builder
		for _, p := range c.points {
			fmt.Fprintf(&path, "%.1f,%.1f ", across(p[0]), up(p[1]))
		}
		colour := colours()[i%len(colours())]
		fmt.Fprintf(s, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2.5"/>`+"\n", strings.TrimSpace(path.String()), colour)
		if len(c.points) > 0 {
			at := apart(labels, up(c.points[len(c.points)-1][1]))
			labels = append(labels, at)
			fmt.Fprintf(s, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>`+"\n", float64(s.width)-right+8, at, colour)
			s.text(float64(s.width)-right+18, at+4, "start", "", c.name)
		}
	}
	return s.end()
}

// apart moves a label down until it is on none of the others.
func apart(others []float64, y float64) float64 {
	for range others {
		for _, other := range others {
			if math.Abs(other-y) < 16 {
				y = other + 16
			}
		}
	}
	return y
}

// axis maps values to 0 to 1.
type axis struct {
	least, most float64
	log         bool
}

func axisOf(all []curve, i int, log bool) axis {
	var values []float64
	for _, c := range all {
		for _, p := range c.points {
			if !log || p[i] > 0 {
				values = append(values, p[i])
			}
		}
	}
	if len(values) == 0 {
		return axis{0, 1, false}
	}
	a := axis{slices.Min(values), slices.Max(values), log}
	if log {
		a.least, a.most = math.Pow(10, math.Floor(math.Log10(a.least))), math.Pow(10, math.Ceil(math.Log10(a.most)))
	}
	if a.most <= a.least {
		a.most = a.least + 1
		if log {
			a.most = 10 * a.least
		}
	}
	return a
}

func (a axis) at(v float64) float64 {
	if a.log {
		return (math.Log(max(v, a.least)) - math.Log(a.least)) / (math.Log(a.most) - math.Log(a.least))
	}
	return (v - a.least) / (a.most - a.least)
}

func (a axis) ticks() (ticks []float64) {
	if a.log {
		for t := a.least; t <= a.most*1.0001; t *= 10 {
			ticks = append(ticks, t)
		}
		return ticks
	}
	for i := range 6 {
		ticks = append(ticks, a.least+(a.most-a.least)*float64(i)/5)
	}
	return ticks
}

// short is 20, 1k, 1M.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.3gM", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.3gk", v/1e3)
	}
	return fmt.Sprintf("%.3g", v)
}
