package price

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// Tell prints the short table.
func (f *Figures) Tell(out io.Writer) {
	fmt.Fprintf(out, "\n  %-26s %9s %22s %25s\n", "2 KiB unless said", "rounds", "ms CPU per record", "records a second")
	for _, name := range f.order() {
		w := f.Ways[name]
		fmt.Fprintf(out, "  %-26s %9d %22s %25s\n", name, w.Rounds, w.CPU.text("%.3g"), w.Rate.text("%.0f"))
	}
	fmt.Fprintln(out)
	for _, t := range f.tops() {
		if t.value != nil {
			fmt.Fprintf(out, "  %s %-28s %8.3g   (%s)\n", choose(t.missed(), "✗", "✓"), t.name, *t.value, t.text())
		}
	}
	for _, lag := range f.Lag {
		fmt.Fprintf(out, "    lag at %-5s a second         %8.3g ms (p50), %.3g ms (p99)\n", short(lag.Rate), lag.Committed.P50, lag.Committed.P99)
	}
}

// order is that of the processor time, the most first.
func (f *Figures) order() []string {
	return slices.SortedFunc(maps.Keys(f.Ways), func(a, b string) int {
		switch x, y := f.Ways[a].CPU.Median, f.Ways[b].CPU.Median; {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
}

// text is "1.2 (1.1–1.3)".
func (s Spread) text(format string) string {
	return fmt.Sprintf(format+" ("+format+"–"+format+")", s.Median, s.Min, s.Max)
}
