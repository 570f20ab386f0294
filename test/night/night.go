package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/auditflow/auditflow/test/tool"
	"github.com/auditflow/auditflow/test/world"
)

// nightly makes 26 hours 6.5 minutes. Nothing that was longer is shorter than 20 s:
// the controller counts every 15 s, and what fails is tried again within 20 s.
//
//nolint:gochecknoglobals // a constant
var nightly = timescale{Factor: 240, Floor: 20 * time.Second}

// scrapes are so far apart that a range of 20 s has ten of them, and one may wait
// for a database that hangs.
const scrapes = 2 * time.Second

// quiet is how long nothing is broken at the start.
const quiet = time.Minute

func liberties() []liberty {
	return []liberty{{
		Alert: "AuditScheduleMissed", From: "+ 3600", To: "+ 15",
		Why: "a schedule runs each minute at most, so that twice its interval is two minutes; the hour on top of that would have to be waited for",
	}}
}

// night is one run.
type night struct {
	screen *screen
	only   []string
	keep   string
	out    string

	*stage
	watch *watch
}

func (n *night) run(ctx context.Context) (err error) {
	began := time.Now()
	text, err := os.ReadFile(alertsFile)
	if err != nil {
		return err
	}
	rules, err := parseRules(text)
	if err != nil {
		return err
	}
	for _, name := range n.only {
		if !slices.Contains(rules.names(), name) {
			return fmt.Errorf("--only: there is no alert %s", name)
		}
	}
	if n.stage, err = raise(ctx, n.keep, n.screen.say); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close(ctx)) }()
	report, err := n.spend(ctx, rules)
	if err != nil {
		return err
	}
	report.Seconds = seconds(time.Since(began))
	if err := tool.WriteFigures(n.out, report); err != nil {
		return err
	}
	n.screen.say("%s: %d of %d alerts proven, %d false alarms, %d of %d queries with data", n.out, report.Passed, report.Alerts,
		len(report.FalseAlarms), report.Dashboard.WithData, report.Dashboard.Queries)
	return report.verdict(n.only)
}

// spend is the night itself.
func (n *night) spend(ctx context.Context, rules ruleFile) (*report, error) {
	if err := n.observe(ctx, rules); err != nil {
		return nil, err
	}
	watching, stop := context.WithCancel(ctx)
	var background sync.WaitGroup
	defer background.Wait()
	defer stop()
	l := &load{stage: n.stage}
	background.Go(func() { l.carry(watching) })
	n.screen.say("  a past of some months, archived")
	if err := n.history(ctx); err != nil {
		return nil, err
	}
	// What happened before the first scrape no rate tells of; and days that are long
	// past have holes for a moment, between their first row and the next run.
	if err := until(ctx, "Prometheus sees all programs and partitions", func() (bool, error) {
		seen, err := n.Prometheus.Query(ctx, "count(sum_over_time(up[20s]) >= 5) == 3 and max(auditflow_partitions_missing) == 0")
		return seen > 0, err
	}); err != nil {
		return nil, err
	}
	background.Go(func() { n.watch.follow(watching) })
	r := newReport(rules)
	if len(n.only) == 0 {
		n.screen.say("  a quiet minute")
		select {
		case <-time.After(quiet):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		n.screen.say("  %d executions, %d posts, %d false alarms", l.executed.Load(), l.posted.Load(), len(n.watch.falseAlarms()))
	}
	n.prove(ctx, r)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	r.FalseAlarms = n.watch.falseAlarms()
	return r, n.askDashboard(ctx, r)
}

// observe starts Prometheus with the alerts.
func (n *night) observe(ctx context.Context, rules ruleFile) error {
	faster, err := rules.scaled(nightly, liberties())
	if err != nil {
		return err
	}
	text, err := faster.text()
	if err != nil {
		return err
	}
	p, err := n.StartPrometheus(ctx, world.PrometheusOptions{
		Every: scrapes, Rules: text,
		Targets: map[string]string{"controller": n.product.Controller.URL, "worker": n.product.Worker.URL, "api": n.product.API.URL},
	})
	if err != nil {
		return err
	}
	n.screen.say("%s", p)
	n.watch = newWatch(p, n.screen)
	return nil
}

// lanes are all trials. Those of a lane go one by one; the last lane takes servers
// from everybody and goes alone, the others get in nobody's way.
func (s *stage) lanes() [][]trial {
	lanes := [][]trial{s.deliveryTrials(), s.partitionTrials(), s.archiveTrials()}
	for _, long := range s.longTrials() {
		lanes = append(lanes, []trial{long})
	}
	return append(lanes, s.processTrials())
}

// prove goes through the trials.
func (n *night) prove(ctx context.Context, r *report) {
	lanes := n.lanes()
	last := len(lanes) - 1
	var wait sync.WaitGroup
	for _, lane := range lanes[:last] {
		wait.Go(func() { n.walk(ctx, r, lane) })
	}
	wait.Wait()
	n.walk(ctx, r, lanes[last])
}

func (n *night) walk(ctx context.Context, r *report, lane []trial) {
	for _, t := range lane {
		wanted := len(n.only) == 0 || slices.ContainsFunc(t.alerts, func(name string) bool { return slices.Contains(n.only, name) })
		if ctx.Err() == nil && wanted {
			r.add(n.try(ctx, t))
		}
	}
}
