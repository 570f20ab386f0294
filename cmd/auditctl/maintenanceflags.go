package main

import (
	"errors"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// moment is a point in time.
type moment struct{ time.Time }

func (m *moment) String() string { return shownEdge(m.Time) }
func (*moment) Type() string     { return "time" }

func (m *moment) Set(text string) (err error) {
	m.Time, err = parseEdge(text)
	if err == nil && m.IsZero() {
		err = errors.New("want a date (2026-01-01) or an instant (2026-01-01T08:30:00+01:00)")
	}
	return err
}

func shownEdge(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return bound(t)
}

// periodName is a period by the name that partitions and the archive give it.
type periodName struct {
	audit.Period
	name string
}

func (p *periodName) String() string { return p.name }
func (*periodName) Type() string     { return "period" }

var errPeriod = errors.New("want the name of a period: 2025_01 (a month), 2025_01_27 (a day), w2025_01_27 (a week, by its Monday), 2025_01_05_to_2025_01_09")

func (p *periodName) Set(text string) error {
	period, ok := parsePeriod(text)
	if !ok {
		return errPeriod
	}
	p.Period, p.name = period, text
	return nil
}

// parsePeriod reads what [audit.Period.Suffix] writes, and 2025-01 as people do.
func parsePeriod(name string) (audit.Period, bool) {
	const date = "2006_01_02"
	name = strings.ReplaceAll(name, "-", "_")
	if from, to, piece := strings.Cut(name, "_to_"); piece {
		start, err := time.Parse(date, from)
		end, err2 := time.Parse(date, to)
		return audit.PeriodBetween(start, end), err == nil && err2 == nil && start.Before(end)
	}
	if monday, week := strings.CutPrefix(name, "w"); week {
		t, err := time.Parse(date, monday)
		p := audit.PeriodOf(audit.Weekly, t)
		return p, err == nil && p.Start.Equal(t)
	}
	if t, err := time.Parse(date, name); err == nil {
		return audit.PeriodOf(audit.Daily, t), true
	}
	t, err := time.Parse("2006_01", name)
	return audit.PeriodOf(audit.Monthly, t), err == nil
}
