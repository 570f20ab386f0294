package config

import (
	"strconv"
	"strings"
	"time"
)

// Days and years as ages have them: a day is 24 hours, and a year counts 366
// days, so that what is kept for years never goes early.
const (
	day  = 24 * time.Hour
	year = 366 * day
)

// Age is a span between low and high with its unit, which may be days or years
// as well: 90d, 2160h, 7y. A bare 0 needs no unit.
func (r *Reader) Age(field string, s Scalar, fallback, low, high time.Duration) time.Duration {
	r.note(field, "age", Key{Default: ageText(fallback), Bounds: between(ageText(low), ageText(high))})
	if s.text == "" {
		return fallback
	}
	age, ok := parseAge(s.text)
	switch {
	case !ok:
		r.Fault(field, "want an age with its unit, as in 90d, 36h or 7y (of 366 days), not %q", s.text)
	case age < low || age > high:
		r.Fault(field, "want an age from %s to %s, not %s", ageText(low), ageText(high), s.text)
	default:
		return age
	}
	return fallback
}

func parseAge(s string) (age time.Duration, ok bool) {
	for suffix, unit := range map[string]time.Duration{"d": day, "y": year} {
		digits, found := strings.CutSuffix(s, suffix)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		most := int64(1<<63-1) / int64(unit)
		return time.Duration(n) * unit, err == nil && n <= most && n >= -most
	}
	age, err := time.ParseDuration(s)
	return age, err == nil
}

func ageText(d time.Duration) string {
	switch {
	case d != 0 && d%year == 0:
		return strconv.FormatInt(int64(d/year), 10) + "y"
	case d != 0 && d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	return d.String()
}

// OptionalSecret is a value that may be given in the environment instead, which
// wins; given nowhere, it is the default. A variable that is set but empty is a
// fault: somebody meant to give a value.
func (r *Reader) OptionalSecret(field string, s Scalar, variable, fallback string) string {
	r.note(field, "text", Key{Default: fallback, Env: variable})
	value, set := r.Env(variable)
	switch {
	case set && value == "":
		r.Fault(field, "environment variable %s is set but empty", variable)
	case set:
		return value
	case s.text != "":
		return s.text
	}
	return fallback
}
