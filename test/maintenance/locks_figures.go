package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// lockFigures tell how writers fared beside maintenance.
type lockFigures struct {
	Appends int `json:"appends"`
	Rows    int `json:"rows"`
	Failed  int `json:"failed_appends"`
	// Failure is the first of them; the worker would try again.
	Failure string `json:"first_failure,omitempty"`
	// Waits are of writers for locks that maintenance held or wanted, longest
	// that they can have been. Others are for those of other writers.
	Waits   histogram  `json:"lock_waits"`
	Others  histogram  `json:"other_lock_waits"`
	Longest []longWait `json:"longest_lock_waits"`
	Before  latencies  `json:"append_before"` // maintenance begins
	During  latencies  `json:"append_during"`
	Steps   []lockStep `json:"steps"`
	Samples int        `json:"samples"`
	// LongestGap is how long nobody looked: a wait that is shorter may not have
	// been seen.
	LongestGap float64 `json:"longest_gap_between_samples_ms"`
}

// lockStep is one run of a workflow, or of what is compared with it.
type lockStep struct {
	Name    string  `json:"name"`
	Did     string  `json:"did"`
	Seconds float64 `json:"seconds"`
	// MaxLockWait of any writer meanwhile.
	MaxLockWait float64 `json:"max_lock_wait_ms"`
	// HeldFor is for how long it waited for a reader, which is let go then.
	HeldFor float64 `json:"waited_for_reader_s,omitempty"`

	began, ended time.Time
}

// longWait is one of the longest waits for maintenance.
type longWait struct {
	Milliseconds float64 `json:"ms"`
	Wanted       string  `json:"wanted"`
	Behind       string  `json:"behind"` // the statement of who was before it
}

// longestWaits is how many are told.
const longestWaits = 5

// latencies of Append, in milliseconds.
type latencies struct {
	P50 float64   `json:"p50_ms"`
	P99 float64   `json:"p99_ms"`
	All histogram `json:"histogram"`
}

func latenciesOf(calls []call) latencies {
	times := make([]time.Duration, len(calls))
	for i, c := range calls {
		times[i] = c.ended.Sub(c.began)
	}
	slices.Sort(times)
	at := func(share float64) float64 {
		if len(times) == 0 {
			return 0
		}
		return milliseconds(times[int(share*float64(len(times)-1))])
	}
	return latencies{at(0.5), at(0.99), histogramOf(times)}
}

// histogram counts durations by the least of its limits that they do not exceed.
type histogram struct {
	Max    float64
	counts []int // one for each limit, and those above all
}

//nolint:gochecknoglobals // a list of constants
var histogramLimits = []int{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000} // ms

func histogramOf(times []time.Duration) histogram {
	h := histogram{counts: make([]int, len(histogramLimits)+1)}
	for _, t := range times {
		ms := milliseconds(t)
		h.Max = max(h.Max, ms)
		i := slices.IndexFunc(histogramLimits, func(limit int) bool { return ms <= float64(limit) })
		if i < 0 {
			i = len(histogramLimits)
		}
		h.counts[i]++
	}
	return h
}

func (h histogram) total() (n int) {
	for _, c := range h.counts {
		n += c
	}
	return n
}

func (h histogram) name(i int) string {
	if i == len(histogramLimits) {
		return "more"
	}
	return "<=" + strconv.Itoa(histogramLimits[i])
}

// MarshalJSON writes the counts under their limits, in their order.
func (h histogram) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, `{"count":%d,"max_ms":%g`, h.total(), h.Max)
	for i, n := range h.counts {
		name, err := json.Marshal(h.name(i))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, ",%s:%d", name, n)
	}
	return []byte(b.String() + "}"), nil
}

// String is "3: <=1 ms 2, <=5 ms 1".
func (h histogram) String() string {
	var parts []string
	for i, n := range h.counts {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s ms %d", h.name(i), n))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d: %s", h.total(), strings.Join(parts, ", "))
}
