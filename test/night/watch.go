package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/auditflow/auditflow/test/world"
)

// watch looks at the alerts every second and knows which may fire.
type watch struct {
	prometheus *world.Prometheus
	screen     *screen

	mu      sync.Mutex
	firing  map[string]string // what fires, and with which labels
	allowed map[string]int    // for how many faults an alert may fire now
	wrong   []falseAlarm
	fault   error                // of the last look
	changed map[string]time.Time // when an alert began to fire, or ceased
}

// falseAlarm is an alert that fired and no fault was out that raises it.
type falseAlarm struct {
	Alert  string  `json:"alert"`
	Labels string  `json:"labels"`
	At     float64 `json:"at_s"`
}

func newWatch(p *world.Prometheus, s *screen) *watch {
	return &watch{prometheus: p, screen: s, firing: map[string]string{}, allowed: map[string]int{}, changed: map[string]time.Time{}}
}

const look = time.Second

// follow looks until ctx ends.
func (w *watch) follow(ctx context.Context) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for ctx.Err() == nil {
		alerts, err := w.prometheus.Alerts(ctx)
		if ctx.Err() == nil {
			w.note(alerts, err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func (w *watch) note(alerts []world.Alert, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.fault = err; err != nil {
		return
	}
	before := w.firing
	w.firing = map[string]string{}
	for _, a := range alerts {
		if a.State == "firing" {
			name := a.Labels["alertname"]
			w.firing[name] = labels(a)
			if _, known := before[name]; !known {
				w.begins(name, labels(a), now)
			}
		}
	}
	for name := range before {
		if _, still := w.firing[name]; !still {
			w.changed[name] = now
		}
	}
}

func (w *watch) begins(name, labels string, now time.Time) {
	w.changed[name] = now
	if w.allowed[name] == 0 {
		w.wrong = append(w.wrong, falseAlarm{name, labels, seconds(now.Sub(w.screen.began))})
		w.screen.say("✗ %s fires, and nothing was done that should raise it: %s", name, labels)
	}
}

func labels(a world.Alert) string {
	text := "value " + a.Value
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		if name != "alertname" && name != "severity" {
			text += fmt.Sprintf(", %s %s", name, a.Labels[name])
		}
	}
	return text
}

// allow lets alerts fire, or no longer.
func (w *watch) allow(names []string, by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range names {
		w.allowed[name] += by
	}
}

// fires tells which of the alerts do.
func (w *watch) fires(names ...string) (those []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range names {
		if _, is := w.firing[name]; is {
			those = append(those, name)
		}
	}
	return those
}

// await waits until an alert fires, or does not, and tells since when; zero when it
// never fired.
func (w *watch) await(ctx context.Context, name string, firing bool, patience time.Duration) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		w.mu.Lock()
		_, is := w.firing[name]
		at, fault := w.changed[name], w.fault
		w.mu.Unlock()
		if is == firing && fault == nil {
			return at, nil
		}
		select {
		case <-ctx.Done():
			if fault != nil {
				return at, fmt.Errorf("%s: %w", name, fault)
			}
			return at, fmt.Errorf("%s still %s after %s", name, map[bool]string{true: "silent", false: "fires"}[firing], patience)
		case <-time.After(look / 4):
		}
	}
}

// falseAlarms are those so far.
func (w *watch) falseAlarms() []falseAlarm {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]falseAlarm{}, w.wrong...) // in JSON, none is a list, too
}
