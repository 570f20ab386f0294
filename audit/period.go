package audit

import (
	"fmt"
	"time"
)

// Interval is how much time one partition holds.
type Interval string

// Monthly is the default. Weeks begin on Monday (ISO 8601). All bounds are UTC,
// whatever the session's time zone.
const (
	Monthly Interval = "monthly"
	Weekly  Interval = "weekly"
	Daily   Interval = "daily"
)

// piece is the interval of a period that is no whole month, week or day.
const piece Interval = "piece"

// ParseInterval reads an interval by name; the empty string is [Monthly].
func ParseInterval(s string) (Interval, error) {
	switch i := Interval(s); i {
	case "":
		return Monthly, nil
	case Monthly, Weekly, Daily:
		return i, nil
	}
	return "", fmt.Errorf("partition interval %q: want %s, %s or %s", s, Monthly, Weekly, Daily)
}

// Period is one partition's stretch of created_at: Start inclusive, End
// exclusive, both UTC midnights.
type Period struct {
	Start, End time.Time
	Interval   Interval
}

// PeriodOf returns the period of this interval in which t lies. It takes the
// interval as [ParseInterval] returned it.
func PeriodOf(i Interval, t time.Time) Period {
	y, m, d := t.UTC().Date()
	midnight := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	switch i {
	case Daily:
		return Period{midnight, midnight.AddDate(0, 0, 1), i}
	case Weekly:
		monday := midnight.AddDate(0, 0, -(int(midnight.Weekday())+6)%7)
		return Period{monday, monday.AddDate(0, 0, 7), i}
	default:
		first := time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
		return Period{first, first.AddDate(0, 1, 0), Monthly}
	}
}

// PeriodBetween returns the period with these bounds, whichever interval they
// make. A partition that fills the gap between others may be less than any.
func PeriodBetween(start, end time.Time) Period {
	start, end = start.UTC(), end.UTC()
	for _, i := range []Interval{Monthly, Weekly, Daily} {
		if p := PeriodOf(i, start); p.Start.Equal(start) && p.End.Equal(end) {
			return p
		}
	}
	return Period{start, end, piece}
}

// Contains tells whether t lies in the period.
func (p Period) Contains(t time.Time) bool { return !t.Before(p.Start) && t.Before(p.End) }

// Overlaps tells whether the two have an instant in common.
func (p Period) Overlaps(o Period) bool { return p.Start.Before(o.End) && o.Start.Before(p.End) }

// Suffix is what the partition's name ends in, and the name of the period in the
// archive: 2025_01 for a month, 2025_01_27 for a day, w2025_01_27 for the week
// that begins then, 2025_01_05_to_2025_01_09 for a piece. They never collide, so
// an interval may be changed while old partitions remain.
func (p Period) Suffix() string {
	switch p.Interval {
	case piece:
		return p.Start.Format("2006_01_02") + "_to_" + p.End.Format("2006_01_02")
	case Daily:
		return p.Start.Format("2006_01_02")
	case Weekly:
		return "w" + p.Start.Format("2006_01_02")
	default:
		return p.Start.Format("2006_01")
	}
}
