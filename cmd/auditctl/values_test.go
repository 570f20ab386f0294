package main

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/store/postgres"
)

// queryOf is what the flags of find mean.
func queryOf(t *testing.T, args ...string) (postgres.Query, error) {
	t.Helper()
	var s search
	cmd := &cobra.Command{Use: "find"}
	s.flags(cmd)
	if err := cmd.ParseFlags(args); err != nil {
		return postgres.Query{}, err
	}
	return s.resolve(cmd.Flags().Changed, noon), nil
}

func utc(y int, m time.Month, d, hour int) time.Time {
	return time.Date(y, m, d, hour, 0, 0, 0, time.UTC)
}

func TestFlagsOfFindMeanAQuery(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	cursor := postgres.Cursor{CreatedAt: noon, ID: "91f47d8f-b84e-5fbb-8188-3fd47be93a8a"}
	for args, want := range map[string]postgres.Query{
		"":                           {Limit: 100},
		"--limit 0":                  {},
		"--limit=7":                  {Limit: 7},
		"--workflow alert-1":         {Filter: postgres.Filter{Workflow: "alert-1"}, Limit: 100},
		"--execution e":              {Filter: postgres.Filter{Execution: "e"}, Limit: 100},
		"--action scale":             {Filter: postgres.Filter{Action: "scale"}, Limit: 100},
		"--namespace prod-*":         {Filter: postgres.Filter{Namespace: "prod-*"}, Limit: 100},
		"--kind Pod --name a":        {Filter: postgres.Filter{Kind: "Pod", Name: "a"}, Limit: 100},
		"--cluster c --phase P":      {Filter: postgres.Filter{Cluster: "c", Phase: "P"}, Limit: 100},
		"--success":                  {Filter: postgres.Filter{Success: &yes}, Limit: 100},
		"--success=false":            {Filter: postgres.Filter{Success: &no}, Limit: 100},
		"--failed":                   {Filter: postgres.Filter{Success: &no}, Limit: 100},
		"--failed=false":             {Filter: postgres.Filter{Success: &yes}, Limit: 100},
		"--since 24h":                {Filter: postgres.Filter{From: utc(2026, 3, 9, 12)}, Limit: 100},
		"--since 7d":                 {Filter: postgres.Filter{From: utc(2026, 3, 3, 12)}, Limit: 100},
		"--since 2w1d":               {Filter: postgres.Filter{From: utc(2026, 2, 23, 12)}, Limit: 100},
		"--min-duration 1m30s":       {Filter: postgres.Filter{MinDuration: 90 * time.Second}, Limit: 100},
		"--min-duration 250ms":       {Filter: postgres.Filter{MinDuration: 250 * time.Millisecond}, Limit: 100},
		"--min-retries 2":            {Filter: postgres.Filter{MinRetries: 2}, Limit: 100},
		"--oldest-first":             {OldestFirst: true, Limit: 100},
		"--after " + cursor.String(): {After: cursor, Limit: 100},

		"--range 2026-01-01..2026-02-01": {Filter: postgres.Filter{From: utc(2026, 1, 1, 0), To: utc(2026, 2, 1, 0)}, Limit: 100},
		"--range 2026-01-01..":           {Filter: postgres.Filter{From: utc(2026, 1, 1, 0)}, Limit: 100},
		"--range ..2026-02-01":           {Filter: postgres.Filter{To: utc(2026, 2, 1, 0)}, Limit: 100},
		"--range 2026-01-01T08:00:00+02:00..2026-01-02T00:00:00Z": {
			Filter: postgres.Filter{From: utc(2026, 1, 1, 6), To: utc(2026, 1, 2, 0)}, Limit: 100,
		},
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			got, err := queryOf(t, strings.Fields(args)...)
			must(t, err)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestAWrongValueIsToldWithItsFlagAndWhatIsWanted(t *testing.T) {
	t.Parallel()
	const unit, whole = "want a length of time with its unit, as in 30s, 24h, 7d or 2w", "want a whole number, 0 or more"
	for args, want := range map[string]string{
		"--since 24":                     unit,
		"--since d":                      unit,
		"--since -1h":                    unit,
		"--since +1h":                    unit,
		"--since 1d2w":                   unit,
		"--since 1.5d":                   unit,
		"--since 99999999999w":           unit,
		"--since 20000w":                 unit, // beyond what a duration holds
		"--since=":                       unit,
		"--min-duration soon":            unit,
		"--min-retries -1":               whole,
		"--limit 2147483647":             whole,
		"--limit many":                   whole,
		"--after x":                      "after",
		"--range 2026-01-01":             "want two times with .. between them",
		"--range 2026-02-01..2026-01-01": "its end, which does not belong to it, must come after its beginning",
		"--range 2026-02-01..2026-02-01": "its end, which does not belong to it",
		"--range 2026-02-30..":           "want a date (2026-01-01, its midnight in UTC) or an instant",
		"--range yesterday..":            `"yesterday": want a date`,
		"--success=perhaps":              "perhaps",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			o := environment{}.execute(t, append([]string{"find"}, strings.Fields(args)...)...)
			flag, _, _ := strings.Cut(strings.Fields(args)[0], "=")
			if o.code != exitUsage || o.stdout != "" {
				t.Errorf("exit code %d, stdout %q", o.code, o.stdout)
			}
			contains(t, "stderr", o.stderr, want, flag, "auditctl find --help")
		})
	}
}

func TestFlagsThatContradictEachOtherAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"find --since 1h --range 2026-01-01..", "find --success --failed", "report slow --since 1h --range 2026-01-01..",
		"quarantine replay", "quarantine replay --all 91f47d8f-b84e-5fbb-8188-3fd47be93a8a",
	} {
		if o := (environment{}).execute(t, strings.Fields(args)...); o.code != exitUsage || o.stderr == "" {
			t.Errorf("%s: exit code %d, %q", args, o.code, o.stderr)
		}
	}
}

func TestQuantitiesAreWrittenForPeople(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 999: "0µs", 850 * time.Microsecond: "850µs", 42 * time.Millisecond: "42ms", 999_999_999: "999ms",
		time.Second: "1s", 1550 * time.Millisecond: "1.5s", 12_345 * time.Millisecond: "12s", 92 * time.Second: "1m32s",
		time.Hour: "1h", 125 * time.Minute: "2h5m", 76 * time.Hour: "3d4h", -42 * time.Second: "-42s", 1<<63 - 1: "106751d23h",
	} {
		if got := human(d); got != want {
			t.Errorf("%d ns: got %s, want %s", d, got, want)
		}
	}
	for n, want := range map[float64]string{0: "0B", 1023: "1023B", 256 << 20: "256Mi", 3 << 29: "1.5Gi", 5 << 40: "5Ti", 1536: "1.5Ki"} {
		if got := mebibytes(n); got != want {
			t.Errorf("%v bytes: got %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1_234_567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := grouped(n); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
