package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// How quantities look in tables. What programs read has raw numbers.

// human writes a duration with two units at most: 850µs, 42ms, 1.5s, 1m32s, 2h5m, 3d4h.
func human(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + human(-d)
	case d == 0:
		return "0s"
	case d < time.Millisecond:
		return strconv.FormatInt(d.Microseconds(), 10) + "µs"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d < 10*time.Second && d%time.Second != 0:
		return strconv.FormatFloat(d.Truncate(100*time.Millisecond).Seconds(), 'f', -1, 64) + "s"
	case d < time.Minute:
		return units(d, time.Second, "s", 1, "")
	case d < time.Hour:
		return units(d, time.Minute, "m", time.Second, "s")
	case d < 24*time.Hour:
		return units(d, time.Hour, "h", time.Minute, "m")
	default:
		return units(d, 24*time.Hour, "d", time.Hour, "h")
	}
}

func units(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	text := strconv.FormatInt(int64(d/large), 10) + largeName
	if rest := int64(d % large / small); rest > 0 && smallName != "" {
		text += strconv.FormatInt(rest, 10) + smallName
	}
	return text
}

func millicores(n float64) string { return strconv.FormatFloat(n, 'f', 0, 64) + "m" }

// mebibytes writes bytes as Kubernetes does, with three digits or so: 256Mi, 1.5Gi.
func mebibytes(n float64) string {
	for _, unit := range []struct {
		name string
		is   float64
	}{{"Ti", 1 << 40}, {"Gi", 1 << 30}, {"Mi", 1 << 20}, {"Ki", 1 << 10}} {
		if n >= unit.is {
			text := strconv.FormatFloat(n/unit.is, 'f', 1, 64)
			return strings.TrimSuffix(text, ".0") + unit.name
		}
	}
	return strconv.FormatFloat(n, 'f', 0, 64) + "B"
}

// grouped writes 1234567 as 1,234,567.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// plural writes 1 record, 2 records.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%s %ss", grouped(n), noun)
}

const unknown = "—"

func instant(t time.Time, in *time.Location) string {
	if t.IsZero() {
		return unknown
	}
	return t.In(in).Format("2006-01-02 15:04:05")
}

func lasted(d *time.Duration) string {
	if d == nil {
		return unknown
	}
	return human(*d)
}
