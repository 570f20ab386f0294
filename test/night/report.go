package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/yaml"
)

// report is out/night.json.
type report struct {
	Alerts      int          `json:"alerts"`
	Passed      int          `json:"passed"`
	Results     []result     `json:"results"`
	FalseAlarms []falseAlarm `json:"false_alarms"`
	Dashboard   board        `json:"dashboard"`
	Scale       scale        `json:"scale"`
	Seconds     float64      `json:"seconds"`

	mu    sync.Mutex
	order []string
}

// scale tells how time was made to pass.
type scale struct {
	Factor    int       `json:"factor"`
	Floor     float64   `json:"floor_s"`
	Scrapes   float64   `json:"scrapes_s"`
	Liberties []liberty `json:"thresholds"`
}

func newReport(rules ruleFile) *report {
	return &report{
		Alerts: len(rules.names()), order: rules.names(), Results: []result{},
		Scale: scale{nightly.Factor, nightly.Floor.Seconds(), scrapes.Seconds(), liberties()},
	}
}

// add notes results, in the order of the rules. Several trials may end at once.
func (r *report) add(results []result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range results {
		if one.Passed {
			r.Passed++
		}
		r.Results = append(r.Results, one)
	}
	slices.SortStableFunc(r.Results, func(a, b result) int {
		return slices.Index(r.order, a.Alert) - slices.Index(r.order, b.Alert)
	})
}

// verdict is an error unless all that was tried is proven; unless only some were to
// be, an alert that was not tried is not proven either.
func (r *report) verdict(only []string) error {
	var bad []string
	for _, name := range r.order {
		tried := slices.ContainsFunc(r.Results, func(one result) bool { return one.Alert == name })
		if !tried && (len(only) == 0 || slices.Contains(only, name)) {
			bad = append(bad, name+": nobody knows a fault for it")
		}
	}
	for _, one := range r.Results {
		if !one.Passed {
			bad = append(bad, one.Alert+": "+one.Error)
		}
	}
	for _, f := range r.FalseAlarms {
		bad = append(bad, f.Alert+": false alarm, "+f.Labels)
	}
	for _, name := range r.Dashboard.Empty {
		bad = append(bad, "no data: "+name)
	}
	if len(bad) > 0 {
		return fmt.Errorf("not proven:\n  %s", strings.Join(bad, "\n  "))
	}
	return nil
}

// text is the rule file.
func (f ruleFile) text() ([]byte, error) { return yaml.Marshal(f) }
