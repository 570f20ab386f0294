package price

import (
	"strings"
)

// plotNames say what each shows.
var plotNames = map[string]string{
	plotSingle: "Processor time per record, one workflow each", plotBatched: "Processor time per record, in batches and without Temporal",
	plotLag: "From completion to the committed row", plotSize: "Processor time per record, by its size",
}

const (
	plotSingle  = "bench-single.svg"
	plotBatched = "bench-batched.svg"
	plotLag     = "bench-lag.svg"
	plotSize    = "bench-size.svg"
)

// Plots are the pictures of the figures, by file name; those of what was not
// measured are absent.
func (f *Figures) Plots() map[string]string {
	plots := map[string]string{}
	var dear, cheap []bar
	for _, name := range f.order() {
		w := f.Ways[name]
		b := bar{name: plain(name), total: w.CPU}
		for _, group := range groupsInOrder() {
			b.parts = append(b.parts, w.ByGroup[group])
		}
		if w.CPU.Median > 5 && w.Size == 2048 {
			dear = append(dear, b)
		} else {
			cheap = append(cheap, b)
		}
	}
	var groups []string
	for _, group := range groupsInOrder() {
		groups = append(groups, groupNames[group])
	}
	if len(dear) > 0 {
		plots[plotSingle] = bars(plotNames[plotSingle], "ms", groups, dear)
	}
	if len(cheap) > 0 {
		plots[plotBatched] = bars(plotNames[plotBatched], "ms", groups, cheap)
	}
	if lag := f.lagCurves(); len(lag) > 0 {
		plots[plotLag] = curves(plotNames[plotLag], "so many of 100 records", "milliseconds", false, lag)
	}
	if f.Growth != nil {
		plots[plotSize] = curves(plotNames[plotSize], "bytes of a record", "milliseconds", true, byWay(f.Growth.Sizes))
	}
	return plots
}

var groupNames = map[string]string{
	groupClient: "who hands over", groupWorker: "worker", groupTemporal: "Temporal", groupHistory: "Temporal's PostgreSQL", groupAudit: "audit PostgreSQL",
}

// plain is a name with blanks.
func plain(name string) string { return strings.ReplaceAll(name, "_", " ") }

func (f *Figures) lagCurves() (all []curve) {
	for _, lag := range f.Lag {
		c := curve{name: short(lag.Rate) + " a second"}
		for i, ms := range lag.Committed.Curve {
			c.points = append(c.points, [2]float64{float64(i + 1), ms})
		}
		all = append(all, c)
	}
	return all
}

func byWay(steps []Step) (all []curve) {
	index := map[string]int{}
	for _, step := range steps {
		i, known := index[step.Way]
		if !known {
			i = len(all)
			index[step.Way], all = i, append(all, curve{name: plain(step.Way)})
		}
		all[i].points = append(all[i].points, [2]float64{float64(step.Of), step.CPU})
	}
	return all
}
