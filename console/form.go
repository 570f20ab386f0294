package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// form reads the parameters of a page and collects their faults. A field that was left
// empty is none; what nobody has read in the end is unknown.
type form struct {
	values url.Values
	rest   map[string]bool
	faults []fieldFault
}

func newForm(r *http.Request) *form {
	f := &form{rest: map[string]bool{}}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		f.fault("", "the address is not well-formed")
	}
	f.values = values
	for name := range values {
		f.rest[name] = true
	}
	return f
}

func (f *form) fault(field, rule string) { f.faults = append(f.faults, fieldFault{field, rule}) }

func (f *form) text(name string) string {
	delete(f.rest, name)
	all := f.values[name]
	switch {
	case len(all) == 0:
		return ""
	case len(all) > 1:
		f.fault(name, "is there twice")
	}
	return strings.TrimSpace(all[0])
}

// oneOf is the value, or the first of those there are if there is none.
func (f *form) oneOf(name string, values ...string) string {
	text := f.text(name)
	if text == "" {
		return values[0]
	}
	for _, v := range values {
		if v == text {
			return v
		}
	}
	f.fault(name, "must be one of "+strings.TrimPrefix(strings.Join(values, ", "), ", "))
	return values[0]
}

func (f *form) number(name string, fallback, low, high int) int {
	text := f.text(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		f.fault(name, "must be a whole number from "+strconv.Itoa(low)+" to "+strconv.Itoa(high))
		return fallback
	}
	return n
}

func (f *form) duration(name string) time.Duration {
	text := f.text(name)
	if text == "" {
		return 0
	}
	span, err := time.ParseDuration(text)
	if err != nil || span < 0 {
		f.fault(name, "must be a length of time with its unit, as in 30s, 5m or 24h")
		return 0
	}
	return span
}

// instant takes what the API takes.
func (f *form) instant(name string) time.Time {
	text := f.text(name)
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	f.fault(name, "must be a date (2026-01-01, its midnight in UTC) or a time (2026-01-01T15:04:05Z)")
	return time.Time{}
}

// wrong tells all faults, nil if there are none.
func (f *form) wrong() *fault {
	for name := range f.rest {
		if labelOf(name) == name { // not one of ours: what a stranger wrote is not repeated
			name = ""
		}
		f.fault(name, "there is a parameter that this page does not have")
	}
	if len(f.faults) == 0 {
		return nil
	}
	return &fault{status: http.StatusBadRequest, title: "The question has faults", faults: f.faults}
}

// labels are what forms call their fields.
var labels = map[string]string{
	"workflow": "Workflow", "execution": "Execution", "action": "Action", "namespace": "Namespace", "kind": "Kind", "name": "Name",
	"cluster": "Cluster", "phase": "Phase", "outcome": "Outcome", "period": "Created in", "from": "From", "to": "To",
	"min_duration": "Took at least", "min_retries": "Retries at least", "order": "Order", "limit": "Rows", "after": "Page", "id": "Id",
}

func labelOf(field string) string {
	if label, ok := labels[field]; ok {
		return label
	}
	return field
}

// week is the usual range of every page: what all of them answer in no time.
const week = "7d"

// periods are the ranges that end now.
var periods = map[string]time.Duration{"24h": 24 * time.Hour, week: 7 * 24 * time.Hour, "30d": 30 * 24 * time.Hour}
