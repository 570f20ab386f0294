package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// timescale makes a night of the days that alerts wait: durations are divided by
// the factor, but none that is longer than floor becomes shorter than that. What
// the programs do at their own pace (a census every 15 s, another attempt within
// 20 s) would else look like a fault that comes and goes.
type timescale struct {
	Factor int
	Floor  time.Duration
}

func (s timescale) of(d time.Duration) time.Duration {
	return max(d/time.Duration(s.Factor), min(d, s.Floor))
}

// liberty is a change of a threshold, for want of a fault that reaches the true
// one within a night.
type liberty struct {
	Alert string `json:"alert"`
	From  string `json:"from"`
	To    string `json:"to"`
	Why   string `json:"why"`
}

// ruleFile is deploy/alerts.yaml. Keys that are not here are errors: whether they
// are about time, nobody has thought of yet.
type ruleFile struct {
	Groups []ruleGroup `json:"groups"`
}

type ruleGroup struct {
	Name  string      `json:"name"`
	Rules []alertRule `json:"rules"`
}

type alertRule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

func parseRules(text []byte) (f ruleFile, err error) {
	if err := yaml.UnmarshalStrict(text, &f); err != nil {
		return f, fmt.Errorf("read the alerts: %w", err)
	}
	return f, nil
}

// names are those of all alerts, in their order.
func (f ruleFile) names() (names []string) {
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			names = append(names, r.Alert)
		}
	}
	return names
}

// scaled has time pass faster in all rules, and takes the liberties. What it does
// not understand is an error.
func (f ruleFile) scaled(s timescale, liberties []liberty) (ruleFile, error) {
	var errs []error
	out := ruleFile{Groups: make([]ruleGroup, 0, len(f.Groups))}
	taken := map[string]bool{}
	for _, g := range f.Groups {
		group := ruleGroup{Name: g.Name}
		for _, r := range g.Rules {
			rule, err := r.scaled(s, liberties, taken)
			if err != nil {
				errs = append(errs, fmt.Errorf("scale %s: %w", r.Alert, err))
			}
			group.Rules = append(group.Rules, rule)
		}
		out.Groups = append(out.Groups, group)
	}
	for _, l := range liberties {
		if !taken[l.Alert] {
			errs = append(errs, fmt.Errorf("scale %s: there is no such alert, or it has no %q", l.Alert, l.From))
		}
	}
	return out, errors.Join(errs...)
}

var (
	ranges = regexp.MustCompile(`\[[^\]]*\]`)
	// Both shift a query in time.
	shifts = regexp.MustCompile(`\boffset\b|@`)
)

func (r alertRule) scaled(s timescale, liberties []liberty, taken map[string]bool) (alertRule, error) {
	var errs []error
	faster := func(text string) string {
		d, err := parseDuration(text)
		if err != nil {
			errs = append(errs, err)
		}
		return fmt.Sprintf("%dms", s.of(d).Milliseconds())
	}
	if shifts.MatchString(r.Expr) {
		errs = append(errs, errors.New("it looks at another time, which this cannot scale"))
	}
	r.Expr = ranges.ReplaceAllStringFunc(r.Expr, func(bracketed string) string {
		return "[" + faster(strings.Trim(bracketed, "[]")) + "]"
	})
	if r.For != "" {
		r.For = faster(r.For)
	}
	for _, l := range liberties {
		if l.Alert == r.Alert && strings.Count(r.Expr, l.From) == 1 {
			r.Expr, taken[l.Alert] = strings.Replace(r.Expr, l.From, l.To, 1), true
		}
	}
	return r, errors.Join(errs...)
}

var duration = regexp.MustCompile(`^([0-9]+)([smhdw])$`)

// parseDuration reads one of Prometheus' durations of a single unit.
func parseDuration(text string) (time.Duration, error) {
	parts := duration.FindStringSubmatch(text)
	if parts == nil {
		return 0, fmt.Errorf("%q is no duration as in 10m", text)
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return 0, fmt.Errorf("%q: %w", text, err)
	}
	units := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}
	return time.Duration(n) * units[parts[2]], nil
}
