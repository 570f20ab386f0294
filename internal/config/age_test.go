package config_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/internal/config"
)

const day = 24 * time.Hour

func TestAnAgeMayBeDaysHoursOrYears(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90d": 90 * day, "2160h": 90 * day, "36h30m": 36*time.Hour + 30*time.Minute, "0": 0, "0d": 0,
		"7y": 7 * 366 * day, // leap years or not, nothing goes early
		"":   5 * day,       // the default
	} {
		r := config.Reader{Env: os.LookupEnv}
		if got := r.Age("after", config.Text(text), 5*day, 0, 100*366*day); got != want || r.Err() != nil {
			t.Errorf("%q: %s, %v; want %s", text, got, r.Err(), want)
		}
	}
}

func TestAnAgeThatIsNoneIsRefusedWithItsUnit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"90":                   `after: want an age with its unit, as in 90d, 36h or 7y (of 366 days), not "90"`,
		"90 days":              `not "90 days"`,
		"1.5d":                 `not "1.5d"`,
		"d":                    `not "d"`,
		"9223372036854775807d": "want an age with its unit",
		"300y":                 "want an age with its unit",
		"-1d":                  "after: want an age from 1d to 100y, not -1d",
		"23h":                  "after: want an age from 1d to 100y, not 23h",
		"36601d":               "after: want an age from 1d to 100y, not 36601d",
	} {
		r := config.Reader{Env: os.LookupEnv}
		if got := r.Age("after", config.Text(text), 5*day, day, 36600*day); got != 5*day {
			t.Errorf("%q reads as %s, want the default", text, got)
		}
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v lacks %q", text, err, want)
		}
	}
}

func TestAnOptionalSecretComesFromTheEnvironmentTheFileOrElsewhere(t *testing.T) {
	t.Parallel()
	env := map[string]string{"SET": "of the environment", "EMPTY": ""}
	r := config.Reader{Env: func(name string) (string, bool) { value, set := env[name]; return value, set }}
	for _, tc := range []struct{ file, variable, want string }{
		{"of the file", "SET", "of the environment"},
		{"of the file", "UNSET", "of the file"},
		{"", "UNSET", "of elsewhere"},
	} {
		if got := r.OptionalSecret("url", config.Text(tc.file), tc.variable, "of elsewhere"); got != tc.want || r.Err() != nil {
			t.Errorf("%+v: %q, %v", tc, got, r.Err())
		}
	}
	r.OptionalSecret("url", config.Text("of the file"), "EMPTY", "")
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "url: environment variable EMPTY is set but empty") {
		t.Error(err)
	}
}
