package lifecycle

import (
	"fmt"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// Archiving says what is copied into the archive, and when.
type Archiving struct {
	// Bucket is shown to people; the worker knows which bucket it has.
	Bucket string `json:"bucket,omitempty"`
	// After is the age of a partition's youngest row from which it is archived.
	After Age `json:"after"`
}

// Step says whether a partition is to be archived.
type Step struct {
	Partition string    `json:"partition"`
	Period    string    `json:"period"`
	Start     time.Time `json:"start"`
	End       time.Time `json:"end"`
	Due       bool      `json:"due"`
	Why       string    `json:"why"`
}

// PlanArchive says of every partition whether it is to be archived, and why. One
// that is archived already is due again: rows may have come late. Whether any
// did is asked of the database, see [Complete].
func PlanArchive(now time.Time, a Archiving, partitions []audit.Partition, filed []Filed) []Step {
	steps := make([]Step, 0, len(partitions))
	for _, p := range partitions {
		period := audit.PeriodBetween(p.Period.Start, p.Period.End)
		s := Step{Partition: p.Name, Period: period.Suffix(), Start: period.Start, End: period.End}
		s.Due, s.Why = a.due(now, p, filed)
		steps = append(steps, s)
	}
	return steps
}

func (a Archiving) due(now time.Time, p audit.Partition, filed []Filed) (due bool, why string) {
	if p.State != audit.PartitionAttached {
		return false, "is on its way out: retention compares it with the archive before it is dropped"
	}
	if !a.After.passed(now, p.Period.End) {
		return false, fmt.Sprintf("is archived from %s on, %s after its end",
			p.Period.End.Add(time.Duration(a.After)).Format(time.DateOnly), a.After)
	}
	if f, gone := deleted(p.Period, filed); gone {
		return false, fmt.Sprintf("its period %s is being deleted from the archive: rows that came since are archived when that has ended", f.Period)
	}
	if there := Overlapping(p.Period, filed); len(there) > 0 {
		return true, fmt.Sprintf("ended %s ago; the archive has %d rows, later ones are looked for", ago(now, p.Period.End), rowsOf(there))
	}
	return true, fmt.Sprintf("ended %s ago and is not archived", ago(now, p.Period.End))
}

// Complete tells, from no more than counts, that a partition of so many rows has
// nothing that is not archived. Only a partition that is archived under its own
// period, and of which nothing was ever deleted, can be told by counting: where
// rows went away others may have come in their place.
func Complete(p audit.Partition, rows int64, filed []Filed, tombstones []audit.Tombstone) bool {
	for _, t := range tombstones {
		if p.Period.Overlaps(audit.Period{Start: t.Start, End: t.End}) {
			return false
		}
	}
	there := Overlapping(p.Period, filed)
	if len(there) == 0 {
		return rows == 0
	}
	own := len(there) == 1 && there[0].Start.Equal(p.Period.Start) && there[0].End.Equal(p.Period.End)
	return own && there[0].Rows == rows
}

// deleted finds a period that retention is taking out of the archive.
func deleted(p audit.Period, filed []Filed) (Filed, bool) {
	for _, f := range filed {
		if f.Deleted && f.period().Overlaps(p) {
			return f, true
		}
	}
	return Filed{}, false
}

func rowsOf(filed []Filed) (n int64) {
	for _, f := range filed {
		n += f.Rows
	}
	return n
}
