package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"time"
)

// report is out/faults.json.
type report struct {
	Kills       int64         `json:"kills"`
	Completions int           `json:"completions"`
	Lost        int           `json:"lost"`
	Duplicates  int           `json:"duplicates"`
	Leaked      int           `json:"leaked"`
	Absent      int           `json:"absent_acknowledged"`
	Faults      []figures     `json:"faults"`
	NotInjected []notInjected `json:"not_injected,omitempty"` // and not counted as met
	Seed        uint64        `json:"seed"`
	Seconds     float64       `json:"seconds"`
}

// figures are those of one fault.
type figures struct {
	Fault        int      `json:"fault"`
	Name         string   `json:"name"`
	Expectation  string   `json:"expectation"`
	Met          bool     `json:"met"`
	Runs         int64    `json:"runs"` // how often the harm was done
	Kills        int64    `json:"kills"`
	Completions  int      `json:"completions"`
	Acknowledged int      `json:"acknowledged"`
	Lost         int      `json:"lost"`
	Duplicates   int      `json:"duplicates"`
	Altered      int      `json:"altered"` // rows that say something else than what happened
	Leaked       int      `json:"leaked"`
	Absent       int      `json:"absent_acknowledged"`
	Delay        float64  `json:"longest_delay_after_heal_s"`
	Seed         uint64   `json:"seed"`
	Seconds      float64  `json:"seconds"`
	Complaints   []string `json:"complaints,omitempty"`
	Error        string   `json:"error,omitempty"`
	// Figures are worth telling and no promise.
	Figures map[string]float64 `json:"figures,omitempty"`
}

type notInjected struct {
	Fault  int    `json:"fault"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// figuresOf are those of a trial, which is nil when there was no stage for it.
func figuresOf(f *fault, t *trial, seed uint64, err error) figures {
	r := figures{Fault: f.number, Name: f.name, Expectation: f.expectation, Seed: seed}
	if err != nil {
		r.Error = err.Error()
	}
	if t == nil {
		return r
	}
	v := t.verdict
	r.Runs, r.Kills, r.Completions, r.Acknowledged = t.runs.Load(), t.kills.Load(), v.Completions, v.Acknowledged
	r.Lost, r.Duplicates, r.Altered, r.Leaked, r.Absent = v.Lost, v.Duplicates, v.Altered, t.leaked, v.AbsentAcknowledged
	r.Delay, r.Complaints, r.Figures = tenths(v.Delay), t.complaints, t.figures
	r.Met = err == nil && len(t.complaints) == 0 && v.Kept() && t.leaked == 0 && r.Runs > 0
	return r
}

func tenths(d time.Duration) float64 { return math.Round(10*d.Seconds()) / 10 }

// add counts a fault in.
func (r *report) add(f figures) {
	r.Faults = append(r.Faults, f)
	r.Kills, r.Completions = r.Kills+f.Kills, r.Completions+f.Completions
	r.Lost, r.Duplicates, r.Leaked, r.Absent = r.Lost+f.Lost, r.Duplicates+f.Duplicates, r.Leaked+f.Leaked, r.Absent+f.Absent
}

// verdict is an error unless every fault that was injected met its expectation.
func (r *report) verdict() error {
	var unmet []string
	for _, f := range r.Faults {
		if !f.Met {
			unmet = append(unmet, fmt.Sprint(f.Fault))
		}
	}
	switch {
	case len(r.Faults) == 0:
		return errors.New("no fault was injected")
	case len(unmet) > 0:
		return fmt.Errorf("the expectation was not met under fault %s", strings.Join(unmet, ", "))
	case r.Lost+r.Duplicates+r.Leaked+r.Absent > 0:
		return fmt.Errorf("%d lost, %d twice, %d leaked, %d acknowledged and not there", r.Lost, r.Duplicates, r.Leaked, r.Absent)
	}
	return nil
}

func readReport(path string) (r report, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// join counts another report in, whose faults were tried later.
func (r *report) join(later report) {
	for _, f := range later.Faults {
		r.add(f)
	}
	for _, n := range later.NotInjected {
		if !slices.Contains(r.NotInjected, n) {
			r.NotInjected = append(r.NotInjected, n)
		}
	}
	r.Seconds += later.Seconds
}

// last is each fault as it was tried last, by their numbers; earlier are those of
// the other trials that did not meet what is expected.
func (r *report) last() (last, earlier []figures) {
	at := map[int]int{}
	for i, f := range r.Faults {
		if f.Fault > 0 { // a soak is of no fault
			if before, again := at[f.Fault]; again && !r.Faults[before].Met {
				earlier = append(earlier, r.Faults[before])
			}
			at[f.Fault] = i
		}
	}
	for i, f := range r.Faults {
		if f.Fault == 0 || at[f.Fault] == i {
			last = append(last, f)
		}
	}
	slices.SortStableFunc(last, func(a, b figures) int { return a.Fault - b.Fault })
	return last, earlier
}

// markdown is the table of docs/reliability.md.
func (r *report) markdown(w io.Writer) {
	fmt.Fprintf(w, "%d kills, %d completions: %d lost, %d twice, %d leaked, %d acknowledged and not there. %.0f minutes.\n\n",
		r.Kills, r.Completions, r.Lost, r.Duplicates, r.Leaked, r.Absent, r.Seconds/60)
	last, earlier := r.last()
	fmt.Fprintln(w, "| # | fault | expectation | met | runs | kills | completions | acknowledged | lost | twice | leaked | absent | last row after healing | seed |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, f := range last {
		met := "yes"
		if !f.Met {
			met = "**no**"
		}
		fmt.Fprintf(w, "| %d | %s | %s | %s | %d | %d | %d | %d | %d | %d | %d | %d | %.1f s | %d |\n", f.Fault, f.Name, f.Expectation, met,
			f.Runs, f.Kills, f.Completions, f.Acknowledged, f.Lost, f.Duplicates, f.Leaked, f.Absent, f.Delay, f.Seed)
	}
	for _, f := range earlier {
		fmt.Fprintf(w, "\n- fault %d was not met with seed %d: %s", f.Fault, f.Seed, strings.Join(append(f.Complaints, f.Error), "; "))
	}
	for _, f := range last {
		for _, name := range slices.Sorted(maps.Keys(f.Figures)) {
			fmt.Fprintf(w, "\n- fault %d: %s %.0f", f.Fault, strings.ReplaceAll(name, "_", " "), f.Figures[name])
		}
	}
	fmt.Fprintln(w)
	for _, n := range r.NotInjected {
		fmt.Fprintf(w, "\n- fault %d, %s, is not injected: %s", n.Fault, n.Name, n.Reason)
	}
	fmt.Fprintln(w)
}
