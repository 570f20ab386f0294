package main

import (
	"os"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/test/world"
)

func shipped(t *testing.T) ruleFile {
	t.Helper()
	text, err := os.ReadFile("../../" + alertsFile)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parseRules(text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// proven is a report in which all is well.
func proven(t *testing.T) *report {
	t.Helper()
	r := newReport(shipped(t))
	for _, name := range r.order {
		r.add([]result{{Alert: name, Passed: true}})
	}
	return r
}

func TestANightIsGoodOnlyIfEverythingWasProven(t *testing.T) {
	t.Parallel()
	r := proven(t)
	if err := r.verdict(nil); err != nil || r.Passed != r.Alerts {
		t.Errorf("%d of %d, %v", r.Passed, r.Alerts, err)
	}
	for want, spoil := range map[string]func(*report){
		"nobody knows a fault":    func(r *report) { r.Results = r.Results[1:] },
		"still silent":            func(r *report) { r.Results[3].Passed, r.Results[3].Error = false, "still silent" },
		"false alarm":             func(r *report) { r.FalseAlarms = []falseAlarm{{Alert: "AuditConflict"}} },
		"no data: Runway: min(x)": func(r *report) { r.Dashboard.Empty = []string{"Runway: min(x)"} },
	} {
		r := proven(t)
		spoil(r)
		if err := r.verdict(nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestWhoAsksForOneAlertIsNotToldOfTheOthers(t *testing.T) {
	t.Parallel()
	r := newReport(shipped(t))
	r.add([]result{{Alert: "AuditConflict", Passed: true}})
	if err := r.verdict([]string{"AuditConflict"}); err != nil {
		t.Error(err)
	}
}

func TestEveryAlertHasAFaultAndNoneHasTwo(t *testing.T) {
	t.Parallel()
	s := &stage{World: &world.World{}, product: &world.Product{}}
	known := map[string]int{}
	for _, lane := range s.lanes() {
		for _, one := range lane {
			for _, name := range one.alerts {
				known[name]++
			}
		}
	}
	for _, name := range shipped(t).names() {
		if known[name] != 1 {
			t.Errorf("%s has %d faults that raise it", name, known[name])
		}
	}
}
