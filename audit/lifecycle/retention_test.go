package lifecycle_test

import (
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	. "github.com/auditflow/auditflow/audit/lifecycle"
)

var january = table("2026-01-01", "2026-02-01")

func TestRetentionDropsOnlyWhatNothingKeeps(t *testing.T) {
	t.Parallel()
	const past, before = "2026-05-02", "2026-05-01 23:59" // 90 days after its end, and a minute earlier
	partitions, rows, off := audit.RetainPartitions, audit.RetainRows, audit.RetainAll
	hold := []audit.Hold{{ID: 7}}
	gone := File([]audit.Archived{manifest(january, 1, 5)}, []audit.Tombstone{{What: audit.DeletedArchive, Name: "2026_01", Manifest: manifest(january, 1, 5).SHA256}})
	for name, tc := range map[string]struct {
		now       string
		mode      audit.RetentionMode
		situation Situation
		filed     []Filed
		want      Action
		why       string
	}{
		"expired and archived":                 {past, partitions, Situation{Partition: january}, filed(january), Drop, "no younger than 90d"},
		"a minute too young":                   {before, partitions, Situation{Partition: january}, filed(january), Keep, "expires on 2026-05-02"},
		"not archived":                         {past, partitions, Situation{Partition: january}, nil, Keep, "is not archived yet"},
		"empty needs no archive":               {past, partitions, Situation{Partition: january, Empty: true}, nil, Drop, ""},
		"held":                                 {past, partitions, Situation{Partition: january, Holds: hold}, filed(january), Keep, "held by hold 7"},
		"rows under way":                       {past, partitions, Situation{Partition: january, InFlight: 2}, filed(january), Keep, "2 deliveries"},
		"off":                                  {past, off, Situation{Partition: january}, filed(january), Keep, "off"},
		"a mode that is none":                  {past, "everything", Situation{Partition: january}, filed(january), Keep, "off"},
		"what came after the archive's end":    {"2036-05-02", partitions, Situation{Partition: january}, gone, Keep, "deleted from the archive"},
		"detached by an earlier run":           {past, partitions, Situation{Partition: in(audit.PartitionDetached, january)}, filed(january), Drop, ""},
		"detached and held":                    {past, partitions, Situation{Partition: in(audit.PartitionDetached, january), Holds: hold}, filed(january), Keep, "held"},
		"detached under a shorter retention":   {before, partitions, Situation{Partition: in(audit.PartitionDetached, january)}, filed(january), Keep, "attach it again"},
		"archived under other bounds":          {past, partitions, Situation{Partition: january}, filed(table("2026-01-26", "2026-02-02")), Drop, ""},
		"rows: partly expired":                 {before, rows, Situation{Partition: january}, nil, DeleteRows, "older than 90d"},
		"rows: expired as a whole":             {past, rows, Situation{Partition: january}, filed(january), Drop, ""},
		"rows: as a whole, not archived":       {past, rows, Situation{Partition: january}, nil, Keep, "not archived"},
		"rows: some held":                      {past, rows, Situation{Partition: january, Holds: hold}, filed(january), DeleteRows, "held by hold 7, which keep their rows"},
		"rows: none expired":                   {"2026-04-01", rows, Situation{Partition: january}, filed(january), Keep, "expires on"},
		"rows: partly, detached":               {before, rows, Situation{Partition: in(audit.PartitionDetached, january)}, nil, Keep, "attach it again"},
		"rows: deleted from the archive since": {"2036-05-02", rows, Situation{Partition: january}, gone, Keep, "deleted from the archive"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := day(tc.now)
			d := PlanRetention(now, audit.Retention{Mode: tc.mode, Live: 90 * Day}, []Situation{tc.situation}, tc.filed)[0]
			if d.Action != tc.want || !strings.Contains(d.Why, tc.why) || d.Partition != january.Name || d.Period != "2026_01" {
				t.Errorf("%+v, want %s because it %s", d, tc.want, tc.why)
			}
			if want := now.Add(-90 * Day); d.Action == DeleteRows && !d.Before.Equal(want) && !d.Before.Equal(january.Period.End) {
				t.Errorf("deletes before %s, want %s", d.Before, want)
			}
		})
	}
}

func TestRowsAreDeletedExactlyUpToTheBoundAndNeverPastThePartition(t *testing.T) {
	t.Parallel()
	for now, want := range map[string]string{"2026-04-16 08:30": "2026-01-16 08:30", "2026-09-01": "2026-02-01"} {
		s := Situation{Partition: january, Holds: []audit.Hold{{ID: 1}}}
		d := PlanRetention(day(now), audit.Retention{Mode: audit.RetainRows, Live: 90 * Day}, []Situation{s}, nil)[0]
		if d.Action != DeleteRows || !d.Before.Equal(day(want)) {
			t.Errorf("at %s: %+v, want rows before %s", now, d, want)
		}
	}
}

func TestTheArchiveKeepsWhatIsHeldOrStillInTheDatabase(t *testing.T) {
	t.Parallel()
	r := audit.Retention{Mode: audit.RetainPartitions, Live: 90 * Day, Archive: 366 * Day}
	period := func(start, end string) audit.Hold {
		return audit.Hold{ID: 3, Kind: audit.HoldPeriod, Start: day(start), End: day(end)}
	}
	for name, tc := range map[string]struct {
		now        string
		retention  audit.Retention
		partitions []audit.Partition
		holds      []audit.Hold
		want       Action
		why        string
	}{
		"expired":                          {"2027-02-02", r, nil, nil, Drop, "366d is kept"},
		"a minute too young":               {"2027-02-01 23:59", r, nil, nil, Keep, "expires on 2027-02-02"},
		"for ever":                         {"2099-01-01", audit.Retention{Mode: audit.RetainPartitions, Live: 90 * Day}, nil, nil, Keep, "for ever"},
		"off":                              {"2099-01-01", audit.Retention{Mode: audit.RetainAll, Archive: 366 * Day}, nil, nil, Keep, "off"},
		"late rows in the database":        {"2027-02-02", r, []audit.Partition{january}, nil, Keep, "still has " + january.Name},
		"other rows in the database":       {"2027-02-02", r, months("2026-02-01", 3), nil, Drop, ""},
		"held":                             {"2027-02-02", r, nil, []audit.Hold{period("2026-01-31", "2026-03-01")}, Keep, "hold 3"},
		"a hold that ends where it begins": {"2027-02-02", r, nil, []audit.Hold{period("2025-01-01", "2026-01-01")}, Drop, ""},
		"a hold on rows: to be read":       {"2027-02-02", r, nil, []audit.Hold{{Kind: audit.HoldWorkflow, Value: "w"}}, Drop, ""},
	} {
		d := PlanArchiveRetention(day(tc.now), tc.retention, filed(january), tc.partitions, tc.holds)[0]
		if d.Action != tc.want || !strings.Contains(d.Why, tc.why) || d.Partition != "" || d.Period != "2026_01" {
			t.Errorf("%s: %+v, want %s because %s", name, d, tc.want, tc.why)
		}
	}
	holds := []audit.Hold{period("2026-01-01", "2026-02-01"), {Kind: audit.HoldID}, {Kind: "a kind of a later release"}}
	if n := len(NeedsReading(holds)); n != 2 {
		t.Errorf("%d holds need reading, want 2", n)
	}
}

func TestARetentionThatIsAMistakeIsRefusedInFull(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		r    Retaining
		want []string // none: it is fine
	}{
		"the default":                {Retaining{audit.RetainPartitions, days(90), 0, days(90)}, nil},
		"with an end of the archive": {Retaining{audit.RetainRows, days(90), days(366), days(30)}, nil},
		"the floor itself":           {Retaining{audit.RetainRows, days(1), 0, days(1)}, nil},
		"off, whatever the rest":     {Retaining{audit.RetainAll, 0, -1, days(90)}, nil},
		"zero":                       {Retaining{audit.RetainPartitions, 0, 0, 0}, []string{"retention.after: 0s is less than the 1d"}},
		"negative":                   {Retaining{audit.RetainPartitions, days(-90), 0, 0}, []string{"retention.after: -90d is less than"}},
		"hours for days":             {Retaining{audit.RetainPartitions, Age(23 * time.Hour), 0, 0}, []string{"check the unit"}},
		"before it is archived":      {Retaining{audit.RetainPartitions, days(30), 0, days(90)}, []string{"30d is less than archive.after, 90d"}},
		"the archive first":          {Retaining{audit.RetainPartitions, days(90), days(90), days(90)}, []string{"retention.archive_after: 90d must be more than"}},
		"a negative archive":         {Retaining{audit.RetainPartitions, days(90), -1, days(90)}, []string{"retention.archive_after"}},
		"everything":                 {Retaining{"all", 0, -1, days(90)}, []string{"retention.mode", "retention.after: 0s is less than the 1d", "archive.after, 90d", "retention.archive_after"}},
	} {
		err := tc.r.Check()
		if (err == nil) != (len(tc.want) == 0) {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range tc.want {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v lacks %q", name, err, want)
			}
		}
	}
}

func TestAShorterRetentionIsRefusedUntilItIsConfirmed(t *testing.T) {
	t.Parallel()
	inForce := audit.Retention{Mode: audit.RetainPartitions, Live: 90 * Day, Archive: 1000 * Day}
	for name, tc := range map[string]struct {
		r, inForce audit.Retention
		ok         bool
	}{
		"nothing in force yet":        {inForce, audit.Retention{}, true},
		"the same":                    {inForce, inForce, true},
		"longer":                      {audit.Retention{Mode: audit.RetainPartitions, Live: 91 * Day, Archive: 1001 * Day}, inForce, true},
		"the archive for ever":        {audit.Retention{Mode: audit.RetainPartitions, Live: 90 * Day}, inForce, true},
		"off":                         {audit.Retention{Mode: audit.RetainAll}, inForce, true},
		"shorter":                     {audit.Retention{Mode: audit.RetainPartitions, Live: 90*Day - 1, Archive: 1000 * Day}, inForce, false},
		"the archive shorter":         {audit.Retention{Mode: audit.RetainPartitions, Live: 900 * Day, Archive: 999 * Day}, inForce, false},
		"the archive at all":          {inForce, audit.Retention{Mode: audit.RetainPartitions, Live: 90 * Day}, false},
		"rows":                        {audit.Retention{Mode: audit.RetainRows, Live: 90 * Day, Archive: 1000 * Day}, inForce, false},
		"on again":                    {inForce, audit.Retention{Mode: audit.RetainAll}, false},
		"partitions in place of rows": {inForce, audit.Retention{Mode: audit.RetainRows, Live: 90 * Day, Archive: 1000 * Day}, true},
	} {
		err := CheckShortening(tc.r, tc.inForce)
		if (err == nil) != tc.ok || err != nil && !strings.Contains(err.Error(), "auditctl retention confirm") {
			t.Errorf("%s: %v, want it accepted: %t", name, err, tc.ok)
		}
	}
}
