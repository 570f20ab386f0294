package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/internal/temporalclient"
)

// family is a metric as the code that registers it describes it.
type family struct {
	name, help string
	kind       string // counter, gauge, histogram; empty: nothing tells
	labels     []string
	in         []string // the programs that serve it
}

// form is how a description prints itself, the only way to read one.
var form = regexp.MustCompile(`^Desc\{fqName: ("(?:[^"\\]|\\.)*"), help: ("(?:[^"\\]|\\.)*"), unit: "[^"]*", constLabels: \{.*\}, variableLabels: \{(.*)\}\}$`)

func parse(d *prometheus.Desc) (f family, err error) {
	parts := form.FindStringSubmatch(d.String())
	if parts == nil {
		return f, fmt.Errorf("a description has another form than expected: %s", d)
	}
	if f.name, err = strconv.Unquote(parts[1]); err != nil {
		return f, fmt.Errorf("name of %s: %w", d, err)
	}
	if f.help, err = strconv.Unquote(parts[2]); err != nil {
		return f, fmt.Errorf("help of %s: %w", d, err)
	}
	if parts[3] != "" {
		f.labels = strings.Split(parts[3], ",")
		slices.Sort(f.labels)
	}
	return f, nil
}

// familiesOf are those of the registry's collectors, none left out.
func familiesOf(r *recorder) (all []family, err error) {
	kinds, err := kindsOf(r)
	if err != nil {
		return nil, err
	}
	for _, c := range r.collectors {
		for _, d := range descriptions(c) {
			f, err := parse(d)
			if err != nil {
				return nil, err
			}
			if f.kind = vectorOf(c); f.kind == "" {
				f.kind = kinds[f.name]
			}
			if f.kind == "" {
				f.kind = byName(f.name)
			}
			all = append(all, f)
		}
	}
	return all, nil
}

// described are what somebody else's registry has. Of what has no series yet
// nothing tells the type.
func described(r prometheus.Gatherer) (all []family, err error) {
	collector, ok := r.(prometheus.Collector)
	if !ok {
		return nil, fmt.Errorf("a %T does not describe what it has", r)
	}
	for _, d := range descriptions(collector) {
		f, err := parse(d)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

func descriptions(c prometheus.Collector) (all []*prometheus.Desc) {
	descs := make(chan *prometheus.Desc)
	go func() { defer close(descs); c.Describe(descs) }()
	for d := range descs {
		all = append(all, d)
	}
	return all
}

// vectorOf is what a vector is of; others tell by their samples.
func vectorOf(c prometheus.Collector) string {
	switch c.(type) {
	case *prometheus.CounterVec:
		return "counter"
	case *prometheus.GaugeVec:
		return "gauge"
	case *prometheus.HistogramVec:
		return "histogram"
	}
	return ""
}

// kindsOf are the types of what has samples, by name.
func kindsOf(g prometheus.Gatherer) (map[string]string, error) {
	gathered, err := g.Gather()
	if err != nil {
		return nil, fmt.Errorf("gather: %w", err)
	}
	kinds := map[string]string{}
	for _, f := range gathered {
		kinds[f.GetName()] = strings.ToLower(f.GetType().String())
	}
	return kinds, nil
}

// byName is for a collector of our own that has no samples while its server is
// away. A test on a living program holds this against what that serves.
func byName(name string) string {
	if strings.HasSuffix(name, "_total") {
		return "counter"
	}
	return "gauge"
}

// sdk has one metric of Temporal's SDK of each kind registered, for their labels:
// the names come as the SDK uses them.
func sdk(r prometheus.Registerer) client.MetricsHandler {
	h := temporalclient.Metrics(r)
	h.Counter(sdkPrefix + "example").Inc(0)
	return h
}

const sdkPrefix = "temporal_"

// merge joins the families of all programs by name.
func merge(programs []program) ([]family, error) {
	byName := map[string]family{}
	for _, p := range programs {
		for _, f := range p.families {
			known, there := byName[f.name]
			if !there {
				known = f
			}
			if known.help != f.help || known.kind != f.kind || !slices.Equal(known.labels, f.labels) {
				return nil, fmt.Errorf("%s is one thing in %s and another in %s", f.name, known.in[0], p.name)
			}
			known.in = append(known.in, p.name)
			byName[f.name] = known
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b family) int { return strings.Compare(a.name, b.name) }), nil
}
