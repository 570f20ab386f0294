package httpapi

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// parameters reads those of a request and collects their faults. What nobody has
// read in the end is unknown.
type parameters struct {
	values url.Values
	faults []Fault
}

func (d *door) parameters(text string) (*parameters, *Problem) {
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, badParameter("", "the query is not well-formed")
	}
	return &parameters{values: values}, nil
}

func (p *parameters) fault(name, rule string) { p.faults = append(p.faults, Fault{name, rule}) }

// text is the value, "" if there is none.
func (p *parameters) text(name string) string {
	all := p.values[name]
	delete(p.values, name)
	switch {
	case len(all) == 0:
		return ""
	case len(all) > 1:
		p.fault(name, "is there twice")
	}
	return all[0]
}

func (p *parameters) truth(name string) *bool {
	var truth bool
	switch p.text(name) {
	case "":
		return nil
	case "true":
		truth = true
	case "false":
	default:
		p.fault(name, "must be true or false")
	}
	return &truth
}

func (p *parameters) flag(name string) bool {
	truth := p.truth(name)
	return truth != nil && *truth
}

// number is a whole number from low to high.
func (p *parameters) number(name string, fallback, low, high int) int {
	text := p.text(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		p.fault(name, "must be a whole number from "+strconv.Itoa(low)+" to "+strconv.Itoa(high))
		return fallback
	}
	return n
}

func (p *parameters) duration(name string, fallback time.Duration) time.Duration {
	text := p.text(name)
	if text == "" {
		return fallback
	}
	span, err := time.ParseDuration(text)
	if err != nil || span < 0 {
		p.fault(name, "must be a length of time with its unit, as in 30s, 5m or 24h")
		return fallback
	}
	return span
}

func (p *parameters) time(name string) time.Time {
	text := p.text(name)
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	p.fault(name, "must be a date (2026-01-01, its midnight in UTC) or a time as RFC 3339 has it")
	return time.Time{}
}

// within is a range: from and to, or since, else the usual one (0: everything).
func (p *parameters) within(now time.Time, usual time.Duration) Range {
	r := Range{p.time("from"), p.time("to")}
	since := p.duration("since", 0)
	switch open := r == (Range{}); {
	case since > 0 && !open:
		p.fault("since", "does not go with from and to")
	case since > 0:
		r.From = now.Add(-since)
	case open && usual > 0:
		r.From = now.Add(-usual)
	}
	return r
}

// problem tells all faults, if there are any.
func (p *parameters) problem(d *door) *Problem {
	for name := range p.values {
		p.fault(d.nameable(strings.ToLower(name)), "is not a parameter of this")
	}
	if len(p.faults) == 0 {
		return nil
	}
	all := badParameter("", "")
	all.Errors = p.faults
	return all
}
