package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/auditflow/auditflow/store/postgres"
)

// The types of flags. Their errors say what is wanted, with the unit; cobra adds
// the name of the flag.

// span is a stretch of time with its units: 24h, 7d, 2w, 1d12h, 1m30s, 250ms.
type span time.Duration

func (s *span) String() string {
	if *s == 0 {
		return ""
	}
	return human(time.Duration(*s))
}

func (*span) Type() string { return "span" }

func (s *span) Set(text string) error {
	d, err := parseSpan(text)
	*s = span(d)
	return err
}

var errSpan = errors.New("want a length of time with its unit, as in 30s, 24h, 7d or 2w (w, d, h, m, s, ms)")

func parseSpan(text string) (time.Duration, error) {
	rest, total := text, time.Duration(0)
	for _, unit := range []struct {
		name string
		is   time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, after, found := strings.Cut(rest, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 31)
		if err != nil || time.Duration(n) > (math.MaxInt64-total)/unit.is {
			return 0, errSpan
		}
		total, rest = total+time.Duration(n)*unit.is, after
	}
	if rest == "" && text != "" {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || strings.HasPrefix(rest, "+") || d > math.MaxInt64-total {
		return 0, errSpan
	}
	return total + d, nil
}

// stretch is a range of time, 2026-01-01..2026-02-01: the end does not belong to
// it, and either side may be empty.
type stretch struct{ postgres.Range }

func (s *stretch) String() string {
	if s.From.IsZero() && s.To.IsZero() {
		return ""
	}
	return edge(s.From) + ".." + edge(s.To)
}

func edge(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func (*stretch) Type() string { return "from..to" }

func (s *stretch) Set(text string) error {
	from, to, found := strings.Cut(text, "..")
	if !found {
		return errors.New("want two times with .. between them, as in 2026-01-01..2026-02-01; either may be left out")
	}
	var err error
	if s.From, err = parseEdge(from); err != nil {
		return err
	}
	if s.To, err = parseEdge(to); err != nil {
		return err
	}
	if !s.From.IsZero() && !s.To.IsZero() && !s.From.Before(s.To) {
		return errors.New("the range is empty: its end, which does not belong to it, must come after its beginning")
	}
	return nil
}

func parseEdge(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q: want a date (2026-01-01, its midnight in UTC) or an instant (2026-01-01T08:30:00+01:00)", text)
	}
	return t.UTC(), nil
}

// count is a whole number, 0 or more.
type count int32

func (c *count) String() string { return strconv.Itoa(int(*c)) }
func (*count) Type() string     { return "number" }

func (c *count) Set(text string) error {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 || n == math.MaxInt32 {
		return errors.New("want a whole number, 0 or more")
	}
	*c = count(n)
	return nil
}

// word is one of a few words.
type word struct {
	value   *string
	allowed []string
}

func oneOf(value *string, allowed ...string) *word {
	*value = allowed[0]
	return &word{value, allowed}
}

func (w *word) String() string { return *w.value }
func (w *word) Type() string   { return strings.Join(w.allowed, "|") }

func (w *word) Set(text string) error {
	if !slices.Contains(w.allowed, text) {
		return fmt.Errorf("want one of %s", strings.Join(w.allowed, ", "))
	}
	*w.value = text
	return nil
}

// zone is where people who read tables live.
type zone struct{ *time.Location }

func (z *zone) String() string { return z.Location.String() }
func (*zone) Type() string     { return "zone" }

func (z *zone) Set(text string) error {
	location, err := time.LoadLocation(text)
	if err != nil {
		return errors.New("want a name of the IANA time zone database, as in Europe/Berlin, or UTC or Local")
	}
	z.Location = location
	return nil
}

// position is where the page before ended.
type position struct{ postgres.Cursor }

func (c *position) String() string {
	if c.Cursor == (postgres.Cursor{}) {
		return ""
	}
	return c.Cursor.String()
}

func (*position) Type() string { return "cursor" }

func (c *position) Set(text string) (err error) {
	c.Cursor, err = postgres.ParseCursor(text)
	return err
}
