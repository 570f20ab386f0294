package main

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestAVectorWithoutSeriesIsToldWithItsType(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.MustRegister(
		prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "empty_seconds", Help: `says "so" | so`}, []string{"z", "a"}),
		prometheus.NewGauge(prometheus.GaugeOpts{Name: "odd_total", Help: "is a gauge all the same"}),
	)
	families, err := familiesOf(r)
	if err != nil || len(families) != 2 {
		t.Fatalf("%+v, %v", families, err)
	}
	if f := families[0]; f.Kind() != "histogram" || f.Labels() != "`a`, `z`" || f.Unit() != "seconds" || f.Help() != `says "so" \| so` {
		t.Errorf("%+v", f)
	}
	if f := families[1]; f.Kind() != "gauge" {
		t.Errorf("what has a sample is %s", f.Kind())
	}
}

func TestOneNameMeansOneThingInAllPrograms(t *testing.T) {
	t.Parallel()
	here := program{"api", []family{{name: "x", help: "h", kind: "gauge"}}}
	if all, err := merge([]program{here, {"worker", here.families}}); err != nil || len(all) != 1 || all[0].Where() != "api, worker" {
		t.Errorf("%+v, %v", all, err)
	}
	other := program{"worker", []family{{name: "x", help: "h", kind: "gauge", labels: []string{"a"}}}}
	if _, err := merge([]program{here, other}); err == nil || !strings.Contains(err.Error(), "x is one thing in api and another in worker") {
		t.Errorf("got %v", err)
	}
}
