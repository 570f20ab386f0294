package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// trial is one fault, what it must raise, and its cure.
type trial struct {
	// alerts fire on the fault and go with the cure.
	alerts []string
	// also are those that may fire, too: the runbook says that they do.
	also []string
	// fault and cure are sentences for people.
	fault, cure string
	inject      func(context.Context) error
	mend        func(context.Context) error
	// patience is how long to wait for an alert; 0 means [patience].
	patience time.Duration
}

// patience is for an alert to fire or to go: what the programs look at only now
// and then, what they try again after a while, and a machine with other work.
const patience = 4 * time.Minute

// result is what became of one alert.
type result struct {
	Alert  string  `json:"alert"`
	Fault  string  `json:"fault"`
	Cure   string  `json:"cure"`
	Fired  float64 `json:"fired_s"` // after the fault
	Gone   float64 `json:"gone_s"`  // after the cure
	Passed bool    `json:"passed"`
	Error  string  `json:"error,omitempty"`
}

// try injects a fault, waits for its alerts, cures it, and waits until they, and
// what fired along with them, have gone.
func (n *night) try(ctx context.Context, t trial) []result {
	results := make([]result, len(t.alerts))
	for i, name := range t.alerts {
		results[i] = result{Alert: name, Fault: t.fault, Cure: t.cure}
	}
	failed := func(err error) []result {
		for i := range results {
			if results[i].Error == "" {
				results[i].Error = err.Error()
			}
		}
		n.screen.say("✗ %s: %v", strings.Join(t.alerts, ", "), err)
		return results
	}
	if early := n.watch.fires(t.alerts...); len(early) > 0 {
		return failed(fmt.Errorf("%s fires before the fault", strings.Join(early, ", ")))
	}
	all := slices.Concat(t.alerts, t.also)
	n.watch.allow(all, 1)
	defer n.watch.allow(all, -1)
	n.screen.say("  %s: %s", strings.Join(t.alerts, ", "), t.fault)
	broken := time.Now()
	err := t.inject(ctx)
	if err == nil {
		n.awaitAll(ctx, t, results, broken, true)
		n.stillFire(results)
	}
	mended := time.Now() // whatever came of it: others want a world that is whole
	if mendErr := t.mend(ctx); err == nil {
		err = mendErr
	}
	n.awaitAll(ctx, t, results, mended, false)
	if err != nil {
		return failed(err)
	}
	for i := range results {
		results[i].Passed = results[i].Error == ""
	}
	return results
}

// stillFire notes which alerts went before the cure, which then cures nothing.
func (n *night) stillFire(results []result) {
	for i := range results {
		if r := &results[i]; r.Error == "" && len(n.watch.fires(r.Alert)) == 0 {
			r.Error = "it went by itself before the cure"
			n.screen.say("✗ %s: %s", r.Alert, r.Error)
		}
	}
}

// awaitAll notes when each of the alerts fired, or went.
func (n *night) awaitAll(ctx context.Context, t trial, results []result, since time.Time, firing bool) {
	limit := max(t.patience, patience)
	var wait sync.WaitGroup
	for i := range results {
		wait.Go(func() {
			r := &results[i]
			at, err := n.watch.await(ctx, r.Alert, firing, limit)
			after := seconds(max(0, at.Sub(since)))
			switch {
			case err != nil && r.Error == "":
				r.Error = err.Error()
				n.screen.say("✗ %v", err)
			case err != nil:
			case firing:
				r.Fired = after
				n.screen.say("! %s fires after %.0f s", r.Alert, after)
			case r.Error == "":
				r.Gone = after
				n.screen.say("✓ %s: gone %.0f s after the cure: %s", r.Alert, after, t.cure)
			}
		})
	}
	also := t.also
	if firing {
		also = nil // they need not
	}
	stay := make([]error, len(also))
	for i, name := range also {
		wait.Go(func() { _, stay[i] = n.watch.await(ctx, name, false, limit) })
	}
	wait.Wait()
	if err := errors.Join(stay...); err != nil && results[0].Error == "" {
		results[0].Error = err.Error()
		n.screen.say("✗ %v", err)
	}
}
