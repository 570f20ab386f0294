package price

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// all has something in every part.
func all() Figures {
	f := Figures{Ways: map[string]Way{}, Growth: &Growth{}}
	results := turns{nameSingle: spending(12, 13), nameNoop: spending(10, 11), nameAllInOne: spending(8, 9), nameBatched: spending(.5, .6)}
	for name, turns := range results {
		f.Ways[name] = wayOf(contender{records: 10, size: 2048}, turns)
	}
	f.headline(results)
	f.Lag = []Lag{{Rate: 10, What: "10 a second <&>", Committed: tailOf([]float64{3, 4, 500})}, {Rate: 50, Committed: tailOf([]float64{5})}}
	f.Growth.Sizes = []Step{{Way: nameSingle, Of: 1024, CPU: 12}, {Way: nameSingle, Of: 1 << 20, CPU: 80}, {Way: nameBatched, Of: 1024, CPU: .5}}
	f.Kills = []Kill{{Way: WorkSeed, Victim: "service", Offered: 100, Refused: 20, Lost: 20}}
	f.Controller = &Controller{Completions: 10, Requests: Requests{"PATCH kubernetesexecutions": 2, "CREATE events": 1}, Objects: 100}
	return f
}

func TestPlotsAreWellFormedAndReadableOnBothGrounds(t *testing.T) {
	t.Parallel()
	f := all()
	plots := f.Plots()
	for _, name := range []string{"bench-single.svg", "bench-batched.svg", "bench-lag.svg", "bench-size.svg"} {
		plot := plots[name]
		if !strings.Contains(plot, "prefers-color-scheme:dark") || strings.Contains(plot, "NaN") {
			t.Errorf("%s:\n%s", name, plot)
		}
		var err error
		for tokens := xml.NewDecoder(strings.NewReader(plot)); err == nil; {
			_, err = tokens.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s is not well-formed: %v", name, err)
		}
	}
	if nothing := (&Figures{}).Plots(); len(nothing) > 0 {
		t.Errorf("%d plots of nothing", len(nothing))
	}
}

func TestATableHasAsManyCellsInEveryRow(t *testing.T) {
	t.Parallel()
	f := all()
	cells := 0
	for line := range strings.Lines(f.Markdown()) {
		n := strings.Count(line, "|")
		if cells > 0 && n > 0 && n != cells {
			t.Errorf("%d cells instead of %d: %s", n-1, cells-1, line)
		}
		cells = n
		if strings.HasPrefix(line, "![") {
			break
		}
	}
	for _, want := range []string{"| `single_vs_noop` | **1.19** | at most 1.25 |", "| seed http | service | 100 | 20 | 20 | 0 |"} {
		if !strings.Contains(f.Markdown(), want) {
			t.Errorf("no %q in\n%s", want, f.Markdown())
		}
	}
}

func TestTheShortTableTellsWhatIsMissed(t *testing.T) {
	t.Parallel()
	f := all()
	var said strings.Builder
	f.Tell(&said)
	for _, want := range []string{"✓ single_vs_noop", "✗ batched_records_per_second", "lag at 10"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("no %q in\n%s", want, said.String())
		}
	}
}
