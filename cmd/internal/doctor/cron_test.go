package doctor

import (
	"testing"
	"time"
)

func TestASchedulesNextTimesAreComparedWithItsCron(t *testing.T) {
	t.Parallel()
	times := func(texts ...string) (all []time.Time) {
		for _, text := range texts {
			at, err := time.Parse("2006-01-02 15:04:05", text)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, at)
		}
		return all
	}
	for name, tc := range map[string]struct {
		cron  string
		times []time.Time
		want  bool
	}{
		"every hour":                  {"7 * * * *", times("2026-03-10 12:07:00", "2026-03-10 13:07:00"), true},
		"every day":                   {"17 2 * * *", times("2026-03-10 02:17:00", "2026-03-11 02:17:00"), true},
		"at another minute":           {"17 2 * * *", times("2026-03-10 02:18:00"), false},
		"not quite then":              {"17 2 * * *", times("2026-03-10 02:17:30"), false},
		"every other day only":        {"17 2 * * *", times("2026-03-10 02:17:00", "2026-03-12 02:17:00"), false},
		"more often":                  {"17 2 * * *", times("2026-03-10 02:17:00", "2026-03-10 14:17:00"), false},
		"a step, a range and a list":  {"*/30 8-9,20 * * *", times("2026-03-10 09:00:00", "2026-03-10 09:30:00", "2026-03-10 20:00:00"), true},
		"Sundays, by either number":   {"0 3 * * 7", times("2026-03-15 03:00:00", "2026-03-22 03:00:00"), true},
		"once a year, for many years": {"0 0 1 1 *", times("2027-01-01 00:00:00", "2028-01-01 00:00:00", "2029-01-01 00:00:00"), true},
	} {
		c, ok := parseCron(tc.cron)
		if !ok || c.next(tc.times) != tc.want {
			t.Errorf("%s: %s, understood %t, as it should be %t", name, tc.cron, ok, !tc.want)
		}
	}
	for _, text := range []string{"@daily", "0 0 * * MON", "0 0 0 * * *", "61 * * * *", "5-1 * * * *", "*/0 * * * *", "x * * * *"} {
		if _, ok := parseCron(text); ok {
			t.Errorf("%s is understood", text)
		}
	}
}
