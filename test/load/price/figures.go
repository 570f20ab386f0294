package price

import (
	"fmt"
	"time"
)

// Bounds of the four figures at the top.
const (
	mostSingleVsNoop   = 1.25
	mostAllInOneVsNoop = 0.85
	mostBatchedCPU     = 0.75
	leastBatchedRate   = 2000
)

// Figures is out/bench.json. What was not measured is absent, at the top null.
type Figures struct {
	SingleVsNoop   *float64 `json:"single_vs_noop"`
	AllInOneVsNoop *float64 `json:"all_in_one_vs_noop"`
	BatchedCPU     *float64 `json:"batched_cpu_ms"`
	BatchedRate    *float64 `json:"batched_records_per_second"`

	Quick   bool      `json:"quick"`
	At      time.Time `json:"at"`
	Seconds float64   `json:"seconds"`
	Commit  string    `json:"commit"`
	Machine Machine   `json:"machine"`
	Version Versions  `json:"versions"`

	// Ratios are taken within each round.
	Ratios map[string]Spread `json:"ratios,omitempty"`
	// Idle is the processor time that all take while nothing happens, in ms a second.
	Idle map[string]float64 `json:"idle_cpu_ms_per_second,omitempty"`
	// Ways are by contender.
	Ways   map[string]Way `json:"ways,omitempty"`
	Lag    []Lag          `json:"lag,omitempty"`
	Growth *Growth        `json:"growth,omitempty"`
	Kills  []Kill         `json:"kills,omitempty"`
	// Controller is measured in a world of its own.
	Controller *Controller `json:"controller,omitempty"`
}

// Way is one way of delivering records, per record unless it says otherwise.
type Way struct {
	Rounds    int                `json:"rounds"`
	Records   int                `json:"records"` // in one round
	Size      int                `json:"record_bytes"`
	Rate      Spread             `json:"records_per_second"`
	CPU       Spread             `json:"cpu_ms"`
	ByGroup   map[string]float64 `json:"cpu_ms_by_process"` // medians
	Workflows float64            `json:"workflows,omitempty"`
	Events    float64            `json:"history_events,omitempty"` // of a workflow
	History   float64            `json:"history_bytes,omitempty"`  // of a workflow
	WAL       map[string]float64 `json:"wal_bytes"`
	Stored    map[string]float64 `json:"stored_bytes"`
}

// wayOf sums up the rounds of a contender.
func wayOf(c contender, all []Turn) Way {
	median := func(of func(Turn) float64) float64 { return spreadOf(collect(all, of)).Median }
	w := Way{
		Rounds: len(all), Records: c.records, Size: c.size,
		Rate: spreadOf(collect(all, func(t Turn) float64 { return t.Rate })), CPU: spreadOf(collect(all, Turn.Sum)),
		ByGroup: map[string]float64{}, WAL: map[string]float64{}, Stored: map[string]float64{},
		Workflows: median(func(t Turn) float64 { return float64(t.Workflows) / float64(t.Records) }),
		Events:    median(func(t Turn) float64 { return t.Events }), History: median(func(t Turn) float64 { return t.HistoryLen }),
	}
	if len(all) == 0 {
		return w
	}
	for group := range all[0].CPU {
		w.ByGroup[group] = median(func(t Turn) float64 { return t.CPU[group] })
	}
	for server := range all[0].WAL {
		w.WAL[server] = median(func(t Turn) float64 { return t.WAL[server] })
	}
	for database := range all[0].Stored {
		w.Stored[database] = median(func(t Turn) float64 { return t.Stored[database] })
	}
	return w
}

func collect(all []Turn, of func(Turn) float64) []float64 {
	values := make([]float64, len(all))
	for i, t := range all {
		values[i] = of(t)
	}
	return values
}

// ratio compares processor time within each round, so that what slows a round
// down slows both.
func (t turns) ratio(a, b string) Spread {
	var values []float64
	for i := range min(len(t[a]), len(t[b])) {
		values = append(values, t[a][i].Sum()/max(t[b][i].Sum(), 1e-9))
	}
	return spreadOf(values)
}

// headline computes what stands at the top.
func (f *Figures) headline(t turns) {
	f.Ratios = map[string]Spread{}
	for name, pair := range map[string][2]string{
		"single_vs_noop": {nameSingle, nameNoop}, "all_in_one_vs_noop": {nameAllInOne, nameNoop},
		"single_vs_noop_without_input": {nameSingle, nameNoopBare}, "all_in_one_vs_noop_without_input": {nameAllInOne, nameNoopBare},
	} {
		if len(t[pair[0]]) > 0 && len(t[pair[1]]) > 0 {
			f.Ratios[name] = t.ratio(pair[0], pair[1])
		}
	}
	f.SingleVsNoop, f.AllInOneVsNoop = medianOf(f.Ratios, "single_vs_noop"), medianOf(f.Ratios, "all_in_one_vs_noop")
	if batched := f.Ways[nameBatched]; batched.Rounds > 0 {
		f.BatchedCPU, f.BatchedRate = &batched.CPU.Median, &batched.Rate.Median
	}
}

func medianOf(spreads map[string]Spread, name string) *float64 {
	s, measured := spreads[name]
	if !measured {
		return nil
	}
	return &s.Median
}

// top is a figure at the top, with its bound.
type top struct {
	name  string
	value *float64 // nil: it was not measured
	bound float64
	least bool // else the bound is the most
}

func (f *Figures) tops() []top {
	return []top{
		{"single_vs_noop", f.SingleVsNoop, mostSingleVsNoop, false},
		{"all_in_one_vs_noop", f.AllInOneVsNoop, mostAllInOneVsNoop, false},
		{"batched_cpu_ms", f.BatchedCPU, mostBatchedCPU, false},
		{"batched_records_per_second", f.BatchedRate, leastBatchedRate, true},
	}
}

func (t top) text() string {
	return fmt.Sprintf("%s %g", choose(t.least, "at least", "at most"), t.bound)
}

func (t top) missed() bool {
	return t.value != nil && (t.least && *t.value < t.bound || !t.least && *t.value > t.bound)
}

// missed tells which bounds were not kept.
func (f *Figures) missed() (faults []error) {
	for _, t := range f.tops() {
		if t.missed() {
			faults = append(faults, fmt.Errorf("%s is %.4g, want %s", t.name, *t.value, t.text()))
		}
	}
	return faults
}
