package doctor

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/workflows"
)

// tellCron compares when a schedule will run with when it should, which an
// operator may have changed in the UI without any trace but this.
func tellCron(c *chart, check string, s workflows.Schedule, there *client.ScheduleDescription) {
	next := there.Info.NextActionTimes[0].UTC()
	at := next.Format("2006-01-02 15:04:05 MST")
	want, ok := parseCron(s.Cron)
	switch {
	case !ok:
		c.ok(check, "next on %s; whether that is %s was not checked", at, s.Cron)
	case !want.next(there.Info.NextActionTimes):
		c.warn(check, "if nobody meant to, delete it: a worker that starts creates it anew",
			"somebody changed when it runs: next on %s, which is not the next time of %s", at, s.Cron)
	default:
		c.ok(check, "next on %s", at)
	}
}

// cron is when, field by field: minute, hour, day of the month, month, weekday.
type cron [5]map[int]bool // nil is always

//nolint:gochecknoglobals // a constant
var cronBounds = [5][2]int{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}}

// parseCron understands numbers, *, ranges, steps and lists, and nothing else
// that Temporal does (names, seconds, @daily).
func parseCron(text string) (c cron, ok bool) {
	fields := strings.Fields(text)
	if len(fields) != len(c) {
		return c, false
	}
	for i, field := range fields {
		if field == "*" {
			continue
		}
		c[i] = map[int]bool{}
		for part := range strings.SplitSeq(field, ",") {
			if !addCron(c[i], part, cronBounds[i]) {
				return c, false
			}
		}
	}
	if c[4][7] { // Sunday, as 0 is
		c[4][0] = true
	}
	return c, true
}

// addCron adds one of 5, 5-9, *, each perhaps with a step as in */15.
func addCron(into map[int]bool, part string, bounds [2]int) bool {
	span, stepText, stepped := strings.Cut(part, "/")
	if !stepped {
		stepText = "1"
	}
	low, high := strconv.Itoa(bounds[0]), strconv.Itoa(bounds[1])
	if from, to, ranged := strings.Cut(span, "-"); ranged {
		low, high = from, to
	} else if span != "*" {
		low = span
		if !stepped {
			high = low
		}
	}
	step, err1 := strconv.Atoi(stepText)
	first, err2 := strconv.Atoi(low)
	last, err3 := strconv.Atoi(high)
	if errors.Join(err1, err2, err3) != nil || step < 1 || first < bounds[0] || last > bounds[1] || first > last {
		return false
	}
	for n := first; n <= last; n += step {
		into[n] = true
	}
	return true
}

func (c cron) matches(t time.Time) bool {
	for i, value := range [5]int{t.Minute(), t.Hour(), t.Day(), int(t.Month()), int(t.Weekday())} {
		if c[i] != nil && !c[i][value] {
			return false
		}
	}
	return true
}

// next tells whether the times that a schedule names, in their order, are those
// of the cron: each of them, and none left out between the first and the last.
func (c cron) next(times []time.Time) bool {
	const farthest = 366 * 24 * time.Hour // enough for what runs once a year
	first, last := times[0].UTC(), times[len(times)-1].UTC()
	if last.Sub(first) > farthest {
		last = first.Add(farthest)
	}
	want := 0
	for t := first.Truncate(time.Minute); !t.After(last); t = t.Add(time.Minute) {
		if !c.matches(t) {
			continue
		}
		if want == len(times) || !times[want].Equal(t) {
			return false
		}
		want++
	}
	return want > 0 && (want == len(times) || times[want].After(last))
}
