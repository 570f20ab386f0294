package lifecycle_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	. "github.com/auditflow/auditflow/audit/lifecycle"
)

func day(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		t, err = time.Parse(time.DateOnly, s)
	}
	if err != nil {
		panic(err)
	}
	return t
}

// table is a partition with these bounds.
func table(start, end string) audit.Partition {
	p := audit.PeriodBetween(day(start), day(end))
	return audit.Partition{Name: "kubernetes_execution_audit_" + p.Suffix(), Period: p, State: audit.PartitionAttached, Rows: 1000, Bytes: 1 << 20}
}

func months(first string, n int) (tables []audit.Partition) {
	for start := day(first); n > 0; n-- {
		end := start.AddDate(0, 1, 0)
		tables = append(tables, table(start.Format(time.DateOnly), end.Format(time.DateOnly)))
		start = end
	}
	return tables
}

func in(state audit.PartitionState, p audit.Partition) audit.Partition { p.State = state; return p }

func days(n int) Age { return Age(time.Duration(n) * Day) }

// filed says that the archive has these partitions, each with as many rows.
func filed(tables ...audit.Partition) []Filed {
	var archived []audit.Archived
	for _, p := range tables {
		archived = append(archived, manifest(p, 1, p.Rows))
	}
	return File(archived, nil)
}

func manifest(p audit.Partition, number int, rows int64) audit.Archived {
	suffix := p.Period.Suffix()
	return audit.Archived{SHA256: fmt.Sprintf("sha-%s-%d", suffix, number), Manifest: audit.Manifest{
		Period: suffix, Start: p.Period.Start, End: p.Period.End, Number: number, Rows: rows, Bytes: rows * 300,
		ArchivedAt: p.Period.End.AddDate(0, 3, number),
	}}
}

func TestAnAgeReadsAsPeopleWriteItAndBack(t *testing.T) {
	t.Parallel()
	for age, want := range map[Age]string{days(90): "90d", Age(36 * time.Hour): "36h0m0s", 0: "0s", days(2562): "2562d"} {
		text, err := age.MarshalText()
		var back Age
		if err := back.UnmarshalText(text); string(text) != want || err != nil || back != age {
			t.Errorf("%d: %s, and back %s, %v; want %s", age, text, back, err, want)
		}
		if err != nil {
			t.Error(err)
		}
	}
	for _, text := range []string{"90", "d", "1.5d", "999999999d", "x"} {
		if err := new(Age).UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestMissingPeriodsAreThePresentOneThoseAheadAndRecentHoles(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		now        string
		interval   audit.Interval
		ahead      int
		partitions []audit.Partition
		want       string
	}{
		"an empty database":                          {"2026-11-23", audit.Monthly, 3, nil, "2026_11 2026_12 2027_01 2027_02"},
		"nothing when all are there":                 {"2026-11-23", audit.Monthly, 3, months("2026-11-01", 4), ""},
		"one more from the first instant of a month": {"2026-12-01", audit.Monthly, 3, months("2026-11-01", 4), "2027_03"},
		"and not a microsecond earlier":              {"2026-11-30 23:59", audit.Monthly, 3, months("2026-11-01", 4), ""},
		"only the present one":                       {"2026-11-23", audit.Monthly, 0, nil, "2026_11"},
		"all that an outage of months has left out":  {"2027-06-05", audit.Monthly, 3, months("2026-11-01", 4), "2027_03 2027_04 2027_05 2027_06 2027_07 2027_08 2027_09"},
		"a hole between two":                         {"2026-11-23", audit.Monthly, 1, append(months("2026-09-01", 1), months("2026-11-01", 2)...), "2026_10"},
		"no hole that retention has made":            {"2026-11-23", audit.Monthly, 1, append(months("2025-01-01", 1), months("2026-08-01", 5)...), ""},
		"nothing before the oldest":                  {"2026-11-23", audit.Monthly, 1, months("2026-10-01", 3), ""},
		"a leap day":                                 {"2028-02-28", audit.Daily, 2, nil, "2028_02_28 2028_02_29 2028_03_01"},
		"no leap day":                                {"2027-02-28", audit.Daily, 1, nil, "2027_02_28 2027_03_01"},
		"weeks over the end of a year":               {"2026-12-31", audit.Weekly, 1, nil, "w2026_12_28 w2027_01_04"},
		"after a change to months, the rest of the month": {
			"2026-11-23", audit.Monthly, 1, []audit.Partition{table("2026-11-16", "2026-11-23"), table("2026-11-23", "2026-11-30")}, "2026_11 2026_12"},
		"after a change to days, what months do not cover": {"2026-11-29", audit.Daily, 3, months("2026-11-01", 1), "2026_12_01 2026_12_02"},
		"a detaching one keeps its bounds":                 {"2026-11-23", audit.Monthly, 0, []audit.Partition{in(audit.PartitionDetaching, table("2026-11-01", "2026-12-01"))}, ""},
		"a detached one is a hole":                         {"2026-11-23", audit.Monthly, 0, []audit.Partition{in(audit.PartitionDetached, table("2026-11-01", "2026-12-01"))}, "2026_11"},
		"another time zone is no other period":             {"2026-11-30 23:59", audit.Monthly, 0, nil, "2026_11"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := day(tc.now).In(time.FixedZone("", 14*3600))
			var got []string
			for _, p := range CreateAhead(now, Create{tc.interval, tc.ahead, days(90)}, tc.partitions) {
				got = append(got, p.Suffix())
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("missing %q, want %q", got, tc.want)
			}
		})
	}
}

func TestTheRunwayEndsWhereTheFirstGapIs(t *testing.T) {
	t.Parallel()
	now := day("2026-11-23")
	gap := slices.Concat(months("2026-11-01", 2), months("2027-02-01", 1))
	for name, tc := range map[string]struct {
		partitions []audit.Partition
		want       time.Duration
	}{
		"a gap ahead":          {gap, 39 * Day},
		"in any order":         {[]audit.Partition{gap[2], gap[1], gap[0]}, 39 * Day},
		"none now":             {months("2026-12-01", 2), 0},
		"one on its way out":   {[]audit.Partition{in(audit.PartitionDetaching, gap[0]), gap[1]}, 0},
		"nothing at all":       {nil, 0},
		"of the past, nothing": {months("2026-01-01", 10), 0},
	} {
		if got := Runway(now, tc.partitions); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestAPartitionMovesOnceAllItsRowsAreOldEnough(t *testing.T) {
	t.Parallel()
	tiers := Tiers{Hot: "nvme", Warm: "ssd", Cold: "hdd", WarmAfter: days(7), ColdAfter: days(30)}
	at := func(space string) audit.Partition {
		p := table("2026-10-01", "2026-11-01")
		p.Tablespace = space
		return p
	}
	for name, tc := range map[string]struct {
		now       string
		tiers     Tiers
		partition audit.Partition
		want      string
	}{
		"hot while it is filled":                 {"2026-10-15", tiers, at(""), "nvme"},
		"hot a minute before":                    {"2026-11-07 23:59", tiers, at("nvme"), ""},
		"warm seven days after its end":          {"2026-11-08", tiers, at("nvme"), "ssd"},
		"cold thirty days after its end":         {"2026-12-01", tiers, at("ssd"), "hdd"},
		"straight to cold after an outage":       {"2027-03-01", tiers, at("nvme"), "hdd"},
		"there already":                          {"2027-03-01", tiers, at("hdd"), ""},
		"back when the configuration changed":    {"2026-11-08", tiers, at("hdd"), "ssd"},
		"a tier without a tablespace moves none": {"2026-11-08", Tiers{Cold: "hdd", WarmAfter: days(7), ColdAfter: days(30)}, at("nvme"), ""},
		"one on its way out is left alone":       {"2027-03-01", tiers, in(audit.PartitionDetaching, at("nvme")), ""},
	} {
		moves := PlanTiers(day(tc.now), tc.tiers, []audit.Partition{tc.partition})
		got := ""
		if len(moves) == 1 {
			got = moves[0].Tablespace
		}
		if got != tc.want || len(moves) == 1 && moves[0].Why == "" {
			t.Errorf("%s: moves %+v, want to %q", name, moves, tc.want)
		}
	}
}

func TestAPartitionIsArchivedFromItsAgeOn(t *testing.T) {
	t.Parallel()
	january := table("2026-01-01", "2026-02-01")
	gone := File([]audit.Archived{manifest(january, 1, 5)}, []audit.Tombstone{{What: audit.DeletedArchive, Name: "2026_01", Manifest: manifest(january, 1, 5).SHA256}})
	for name, tc := range map[string]struct {
		now       string
		partition audit.Partition
		filed     []Filed
		due       bool
		why       string
	}{
		"the day before":                  {"2026-05-01 23:59", january, nil, false, "is archived from 2026-05-02 on"},
		"on the day":                      {"2026-05-02", january, nil, true, "ended 90d ago and is not archived"},
		"again, for late rows":            {"2026-06-01", january, filed(january), true, "the archive has 1000 rows"},
		"on its way out":                  {"2026-06-01", in(audit.PartitionDetached, january), nil, false, "on its way out"},
		"deleted from the archive before": {"2036-06-01", january, gone, false, "is being deleted from the archive"},
	} {
		step := PlanArchive(day(tc.now), Archiving{After: days(90)}, []audit.Partition{tc.partition}, tc.filed)[0]
		if step.Due != tc.due || !strings.Contains(step.Why, tc.why) || step.Period != "2026_01" {
			t.Errorf("%s: %+v, want due %t because it %s", name, step, tc.due, tc.why)
		}
	}
}

func TestCountsTellCompletenessOnlyWhereNothingElseCouldBeBehindThem(t *testing.T) {
	t.Parallel()
	january, week := table("2026-01-01", "2026-02-01"), table("2026-01-26", "2026-02-02")
	for name, tc := range map[string]struct {
		rows       int64
		filed      []Filed
		tombstones []audit.Tombstone
		want       bool
	}{
		"as many rows as archived":        {1000, filed(january), nil, true},
		"in two manifests":                {1000, File([]audit.Archived{manifest(january, 1, 990), manifest(january, 2, 10)}, nil), nil, true},
		"late rows":                       {1001, filed(january), nil, false},
		"not archived":                    {1000, nil, nil, false},
		"empty":                           {0, nil, nil, true},
		"archived under another interval": {1000, filed(week), nil, false},
		"archived under both":             {1000, filed(january, week), nil, false},
		"rows were deleted, others came":  {1000, filed(january), []audit.Tombstone{{Start: day("2026-01-01"), End: day("2026-01-20")}}, false},
		"what was deleted lies elsewhere": {1000, filed(january), []audit.Tombstone{{Start: day("2025-12-01"), End: day("2026-01-01")}}, true},
		"what is archived lies elsewhere": {1000, filed(table("2025-12-01", "2026-01-01")), nil, false},
		"the archive has it no more":      {1000, File([]audit.Archived{manifest(january, 1, 1000)}, []audit.Tombstone{{What: audit.DeletedArchive, Name: "2026_01", Manifest: manifest(january, 1, 1000).SHA256}}), nil, false},
	} {
		if got := Complete(january, tc.rows, tc.filed, tc.tombstones); got != tc.want {
			t.Errorf("%s: complete %t, want %t", name, got, tc.want)
		}
	}
}

func TestTheCatalogueIsSummedUpByPeriod(t *testing.T) {
	t.Parallel()
	january, february := table("2026-01-01", "2026-02-01"), table("2026-02-01", "2026-03-01")
	first, second := manifest(january, 1, 10), manifest(january, 2, 5)
	first.VerifiedAt = day("2026-12-01")
	all := File([]audit.Archived{manifest(february, 1, 7), first, second}, []audit.Tombstone{
		{What: audit.DeletedPartition, Name: "2026_01"}, {What: audit.DeletedArchive, Name: "2026_02", Manifest: manifest(february, 1, 7).SHA256},
		{What: audit.DeletedArchive, Name: "2026_01", Manifest: "of rows that were there years ago"}})
	if len(all) != 2 || all[0].Period != "2026_01" || all[0].Rows != 15 || all[0].Manifests != 2 || all[0].Manifest != second.SHA256 ||
		all[0].Deleted || !all[1].Deleted {
		t.Errorf("%+v", all)
	}
	if !all[0].ReadAt.Equal(second.ArchivedAt) { // the second was never verified since
		t.Errorf("read at %s, want %s", all[0].ReadAt, second.ArchivedAt)
	}
	if left := Unfinished(all); !slices.Equal(left, []string{"2026_02"}) {
		t.Errorf("unfinished %q", left)
	}
}
