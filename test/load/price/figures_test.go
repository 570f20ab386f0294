package price

import (
	"math"
	"strings"
	"testing"
)

func spending(ms ...float64) (all []Turn) {
	for _, total := range ms {
		all = append(all, Turn{Records: 10, Workflows: 10, Rate: 100 / total, CPU: map[string]float64{groupWorker: total / 4, groupTemporal: total * 3 / 4}})
	}
	return all
}

func TestASpreadIsMedianLeastAndMost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values []float64
		want   Spread
	}{
		"an odd number":                {[]float64{3, 1, 2}, Spread{2, 1, 3}},
		"an even number":               {[]float64{4, 1, 2, 3}, Spread{2.5, 1, 4}},
		"nothing":                      {nil, Spread{}},
		"four digits are all there is": {[]float64{1.23456}, Spread{1.235, 1.235, 1.235}},
	} {
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
	if got := rounded(math.Inf(1)); got != 0 {
		t.Errorf("what JSON cannot hold is %g", got)
	}
}

// The second round was twice as slow for both: that says nothing about either.
func TestRatiosAreTakenWithinARound(t *testing.T) {
	t.Parallel()
	f := Figures{Ways: map[string]Way{}}
	f.headline(turns{nameSingle: spending(12, 24, 12), nameNoop: spending(10, 20, 10), nameAllInOne: spending(8, 16, 8)})
	if *f.SingleVsNoop != 1.2 || *f.AllInOneVsNoop != 0.8 || f.Ratios["single_vs_noop"] != (Spread{1.2, 1.2, 1.2}) {
		t.Errorf("single %g, all in one %g, %+v", *f.SingleVsNoop, *f.AllInOneVsNoop, f.Ratios)
	}
}

func TestABoundThatIsMissedIsAnErrorAndWhatWasNotMeasuredIsNone(t *testing.T) {
	t.Parallel()
	value := func(x float64) *float64 { return &x }
	for name, c := range map[string]struct {
		f    Figures
		want []string
	}{
		"nothing measured":  {Figures{}, nil},
		"all kept":          {Figures{SingleVsNoop: value(1.25), AllInOneVsNoop: value(.85), BatchedCPU: value(.75), BatchedRate: value(2000)}, nil},
		"all missed":        {Figures{SingleVsNoop: value(1.26), AllInOneVsNoop: value(.86), BatchedCPU: value(.76), BatchedRate: value(1999)}, []string{"single_vs_noop", "all_in_one_vs_noop", "batched_cpu_ms", "batched_records_per_second"}},
		"slow is missed":    {Figures{BatchedRate: value(10)}, []string{"batched_records_per_second"}},
		"cheap is not dear": {Figures{BatchedCPU: value(.1)}, nil},
	} {
		faults := c.f.missed()
		if len(faults) != len(c.want) {
			t.Errorf("%s: %v", name, faults)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(faults[i].Error(), want+" is ") {
				t.Errorf("%s: %v, want %s", name, faults[i], want)
			}
		}
	}
}

func TestATailKnowsItsSlowest(t *testing.T) {
	t.Parallel()
	var values []float64
	for i := range 1000 {
		values = append(values, float64(1000-i))
	}
	if got := tailOf(values); got.P50 != 500 || got.P99 != 990 || got.P999 != 999 || got.Max != 1000 || len(got.Curve) != 100 {
		t.Errorf("%+v", got)
	}
}

func TestTheCostOfAWayIsThatOfAllItsProcesses(t *testing.T) {
	t.Parallel()
	w := wayOf(contender{records: 10, size: 2048}, spending(12, 16, 14))
	if w.CPU != (Spread{14, 12, 16}) || w.ByGroup[groupTemporal] != 10.5 || w.Workflows != 1 || w.Rounds != 3 {
		t.Errorf("%+v", w)
	}
}
