package lifecycle

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// Situation is a partition and what keeps it from being deleted.
type Situation struct {
	Partition audit.Partition
	Holds     []audit.Hold // that hold any of its rows
	InFlight  int64        // deliveries under way whose rows belong into it
	Empty     bool         // it was counted and has no row
}

// Action is what retention does.
type Action string

// What retention does with a partition, or with a period in the archive.
const (
	Keep       Action = "keep"
	Drop       Action = "drop"
	DeleteRows Action = "delete-rows"
)

// Decision says what becomes of a partition, or of a period in the archive.
type Decision struct {
	Partition string    `json:"partition,omitempty"` // none for a period in the archive
	Period    string    `json:"period"`
	Start     time.Time `json:"start"`
	End       time.Time `json:"end"`
	Action    Action    `json:"action"`
	Why       string    `json:"why"`
	// Before bounds created_at of the rows to delete.
	Before time.Time `json:"before,omitzero"`
	// Expired tells that only something else than its age keeps it.
	Expired bool `json:"expired"`
}

// Expired tells whether a partition has any row that retention takes out of the
// database: of others, nobody need find out whether they are held.
func Expired(now time.Time, r audit.Retention, p audit.Partition) bool {
	switch r.Mode {
	case audit.RetainPartitions:
		return Age(r.Live).passed(now, p.Period.End)
	case audit.RetainRows:
		return p.Period.Start.Before(now.Add(-r.Live))
	}
	return false
}

// PlanRetention decides about every partition. A partition is dropped only when
// all its rows have expired, nobody holds any, none is under way, and the
// archive has manifests for it, which the caller must find intact and complete
// before it goes on. What cannot be said for certain is kept.
func PlanRetention(now time.Time, r audit.Retention, all []Situation, filed []Filed) []Decision {
	decisions := make([]Decision, 0, len(all))
	for _, s := range all {
		period := audit.PeriodBetween(s.Partition.Period.Start, s.Partition.Period.End)
		d := Decision{Partition: s.Partition.Name, Period: period.Suffix(), Start: period.Start, End: period.End}
		d.Expired = Expired(now, r, s.Partition)
		d.Action, d.Why = s.decide(now, r, filed)
		if d.Action == DeleteRows {
			d.Before = earlier(now.Add(-r.Live), period.End)
		}
		decisions = append(decisions, d)
	}
	return decisions
}

func (s Situation) decide(now time.Time, r audit.Retention, filed []Filed) (Action, string) {
	p := s.Partition
	whole := Age(r.Live).passed(now, p.Period.End)
	out := p.State != audit.PartitionAttached
	switch {
	case r.Mode != audit.RetainPartitions && r.Mode != audit.RetainRows:
		return Keep, "retention is off"
	case !Expired(now, r, p) || out && !whole:
		return Keep, s.notExpired(r)
	case s.gone(filed) != "":
		return Keep, s.gone(filed)
	case r.Mode == audit.RetainRows && !out && (!whole || len(s.Holds) > 0):
		return DeleteRows, fmt.Sprintf("has rows older than %s%s", Age(r.Live), except(s.Holds))
	case !s.Empty && len(Overlapping(p.Period, filed)) == 0:
		return Keep, "is not archived yet"
	case len(s.Holds) > 0:
		return Keep, heldBy(s.Holds)
	case s.InFlight > 0:
		return Keep, fmt.Sprintf("%d deliveries of its rows are under way", s.InFlight)
	}
	return Drop, fmt.Sprintf("its youngest row can be no younger than %s, and %s is kept", ago(now, p.Period.End), Age(r.Live))
}

func (s Situation) notExpired(r audit.Retention) string {
	from := s.Partition.Period.End.Add(r.Live).Format(time.DateOnly)
	if s.Partition.State == audit.PartitionAttached {
		return fmt.Sprintf("expires on %s, %s after its end", from, Age(r.Live))
	}
	return fmt.Sprintf("an earlier run took it out of the audit table, but it expires only on %s: attach it again, or wait", from)
}

// gone says that the archive cannot take the partition's rows now; "" when it can.
func (s Situation) gone(filed []Filed) string {
	if f, gone := deleted(s.Partition.Period, filed); gone && !s.Empty {
		return fmt.Sprintf("its period %s is being deleted from the archive: rows that came since are in no archive yet", f.Period)
	}
	return ""
}

func heldBy(holds []audit.Hold) string {
	names := make([]string, 0, 3)
	for _, h := range holds {
		if len(names) == cap(names) {
			return fmt.Sprintf("is held by %s and %d more", strings.Join(names, ", "), len(holds)-len(names))
		}
		names = append(names, "hold "+strconv.FormatInt(h.ID, 10))
	}
	return "is held by " + strings.Join(names, ", ")
}

func except(holds []audit.Hold) string {
	if len(holds) == 0 {
		return ""
	}
	return "; " + heldBy(holds) + ", which keep their rows"
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
