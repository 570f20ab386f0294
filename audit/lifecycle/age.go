package lifecycle

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Day is 24 hours, whatever a local clock does; all bounds are UTC.
const Day = 24 * time.Hour

// Age is a span that people think of in days. As text it is 90d when it is
// whole days, else as [time.Duration] prints it, so that a policy can be read
// where it is shown: in the Temporal UI, in a tombstone.
type Age time.Duration

// String is the age as people write it.
func (a Age) String() string {
	if d := time.Duration(a); d != 0 && d%Day == 0 {
		return strconv.FormatInt(int64(d/Day), 10) + "d"
	}
	return time.Duration(a).String()
}

// MarshalText is [Age.String].
func (a Age) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what [Age.String] wrote.
func (a *Age) UnmarshalText(text []byte) error {
	if days, whole := strings.CutSuffix(string(text), "d"); whole {
		n, err := strconv.ParseInt(days, 10, 64)
		if most := int64(1<<63-1) / int64(Day); err != nil || n > most || n < -most {
			return fmt.Errorf("age %q: want whole days, as in 90d", text)
		}
		*a = Age(time.Duration(n) * Day)
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("age %q: want days or a duration, as in 90d or 36h", text)
	}
	*a = Age(d)
	return nil
}

// passed tells whether all that lies before end is at least as old as age.
func (a Age) passed(now, end time.Time) bool { return !end.After(now.Add(-time.Duration(a))) }
