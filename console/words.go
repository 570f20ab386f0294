package console

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"time"
)

// words are what templates write values with.
func (c *console) words() template.FuncMap {
	return template.FuncMap{
		"when": when, "stamp": stamp, "span": span, "count": count, "bytes": size, "percent": percent, "age": c.age,
		"workflow": c.workflowURL, "label": labelOf, "list": func(all ...string) []string { return all },
		"plural": plural,
	}
}

// when is an instant as people read it.
func when(t time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	layout := "2006-01-02 15:04:05"
	if t.Nanosecond() != 0 {
		layout += ".000"
	}
	return t.UTC().Format(layout) + " UTC"
}

// stamp is an instant exactly, for programs.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// span is a length of time with as many digits as matter.
func span(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "−", -d
	}
	switch {
	case d == 0:
		return "0 s"
	case d < time.Millisecond:
		return sign + strconv.FormatInt(d.Microseconds(), 10) + " µs"
	case d < time.Second:
		return sign + strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return sign + strconv.FormatFloat(math.Round(d.Seconds()*10)/10, 'f', -1, 64) + " s"
	case d < time.Hour:
		return sign + two(int64(d/time.Minute), "min", int64(d%time.Minute/time.Second), "s")
	case d < 48*time.Hour:
		return sign + two(int64(d/time.Hour), "h", int64(d%time.Hour/time.Minute), "min")
	}
	return fmt.Sprintf("%s%s days", sign, count(int64(d/(24*time.Hour))))
}

// two is an amount in two units, of which the second is left out if there is none.
func two(high int64, unit string, low int64, lesser string) string {
	if low == 0 {
		return fmt.Sprintf("%d %s", high, unit)
	}
	return fmt.Sprintf("%d %s %d %s", high, unit, low, lesser)
}

// plural is a number of things.
func plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return count(int64(n)) + " " + thing
}

// age is how long ago an instant was.
func (c *console) age(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if d := c.Now().Sub(t); d >= 0 {
		return span(d.Truncate(time.Second)) + " ago"
	}
	return "in " + span(t.Sub(c.Now()).Truncate(time.Second))
}

// count groups digits by thousands.
func count(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func size(n int64) string {
	value, unit := float64(n), 0
	for ; value >= 1024 && unit < 5; unit++ {
		value /= 1024
	}
	if unit == 0 {
		return count(n) + " B"
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}[unit]
}

// percent is a share of a whole.
func percent(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 1, 64) + " %"
}
