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
	for _, top := range []struct {
		name  string
		value *float64
		bound string
	}{
		{"single_vs_noop", f.SingleVsNoop, fmt.Sprintf("at most %g", mostSingleVsNoop)},
		{"all_in_one_vs_noop", f.AllInOneVsNoop, fmt.Sprintf("at most %g", mostAllInOneVsNoop)},
		{"batched_cpu_ms", f.BatchedCPU, fmt.Sprintf("at most %g", mostBatchedCPU)},
		{"batched_records_per_second", f.BatchedRate, fmt.Sprintf("at least %d", leastBatchedRate)},
	} {
		if top.value != nil {
			fmt.Fprintf(out, "  %-26s %9.3g   (%s)\n", top.name, *top.value, top.bound)
		}
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
