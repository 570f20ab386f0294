package lifecycle

import (
	"fmt"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// PlanArchiveRetention decides about every period that the archive has. A period
// stays while a table in the database has rows of its time, and while a hold on
// a period overlaps it. Holds of other kinds are on rows: whether the period has
// any of those is found out by reading it, see [NeedsReading].
func PlanArchiveRetention(now time.Time, r audit.Retention, filed []Filed, partitions []audit.Partition, holds []audit.Hold) []Decision {
	decisions := make([]Decision, 0, len(filed))
	for _, f := range filed {
		if f.Deleted {
			continue
		}
		d := Decision{Period: f.Period, Start: f.Start, End: f.End}
		d.Expired = r.Archive > 0 && r.Mode != audit.RetainAll && Age(r.Archive).passed(now, f.End)
		d.Action, d.Why = f.decide(now, r, d.Expired, partitions, holds)
		decisions = append(decisions, d)
	}
	return decisions
}

func (f Filed) decide(now time.Time, r audit.Retention, expired bool, partitions []audit.Partition, holds []audit.Hold) (Action, string) {
	if r.Mode == audit.RetainAll {
		return Keep, "retention is off"
	}
	if r.Archive <= 0 {
		return Keep, "the archive is kept for ever"
	}
	if !expired {
		return Keep, fmt.Sprintf("expires on %s, %s after its end", f.End.Add(r.Archive).Format(time.DateOnly), Age(r.Archive))
	}
	for _, p := range partitions {
		if p.Period.Overlaps(f.period().Period) {
			return Keep, "the database still has " + p.Name
		}
	}
	if overlapping := periodHolds(f, holds); len(overlapping) > 0 {
		return Keep, heldBy(overlapping)
	}
	return Drop, fmt.Sprintf("ended %s ago, and %s is kept", ago(now, f.End), Age(r.Archive))
}

// NeedsReading are the holds of which only a period's rows tell whether they
// hold it: all that are not on periods.
func NeedsReading(holds []audit.Hold) (onRows []audit.Hold) {
	for _, h := range holds {
		if h.Kind != audit.HoldPeriod {
			onRows = append(onRows, h)
		}
	}
	return onRows
}

// Unfinished are periods whose deletion from the archive was begun and not
// ended: a tombstone says that they are gone, and the catalogue lists them.
func Unfinished(filed []Filed) (periods []string) {
	for _, f := range filed {
		if f.Deleted {
			periods = append(periods, f.Period)
		}
	}
	return periods
}
