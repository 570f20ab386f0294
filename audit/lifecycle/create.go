package lifecycle

import (
	"slices"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// Create says which partitions must be there before anybody needs them.
type Create struct {
	Interval audit.Interval `json:"partition_interval"`
	// Ahead is how many whole periods there are after the present one.
	Ahead int `json:"periods_ahead"`
	// Back is how far back holes are filled. It must not reach beyond the live
	// retention, or what that dropped would come back, empty, day after day.
	Back Age `json:"fill_back"`
}

// CreateAhead returns the periods that lack a partition, or a piece of one, in
// their order: the present one and those ahead, and holes since the oldest
// partition that are not older than c.Back. A hole further back needs none: a
// row that belongs there has its partition created when it comes.
func CreateAhead(now time.Time, c Create, partitions []audit.Partition) (missing []audit.Period) {
	there := standing(partitions)
	present := audit.PeriodOf(c.Interval, now)
	floor := present.Start
	if len(there) > 0 {
		oldest, back := there[0].Period.Start, now.Add(-time.Duration(c.Back))
		if oldest.Before(back) {
			oldest = back
		}
		if oldest.Before(floor) {
			floor = oldest
		}
	}
	ahead := 0
	for p := audit.PeriodOf(c.Interval, floor); ; p = audit.PeriodOf(c.Interval, p.End) {
		need := p
		if need.Start.Before(floor) { // what lies before is no hole
			need.Start = floor
		}
		if !covered(need, there) {
			missing = append(missing, p)
		}
		if p.Start.After(now) {
			ahead++
		}
		if !p.Start.Before(present.Start) && ahead >= c.Ahead {
			return missing
		}
	}
}

// Runway is for how long from now every instant has an attached partition; 0
// when the present one has none.
func Runway(now time.Time, partitions []audit.Partition) time.Duration {
	end := now
	for _, p := range standing(partitions) {
		if p.State == audit.PartitionAttached && !p.Period.Start.After(end) && p.Period.End.After(end) {
			end = p.Period.End
		}
	}
	return end.Sub(now)
}

// standing are the partitions whose bounds count, by their start: one that is
// being detached still keeps others out.
func standing(partitions []audit.Partition) []audit.Partition {
	there := slices.DeleteFunc(slices.Clone(partitions), func(p audit.Partition) bool { return p.State == audit.PartitionDetached })
	slices.SortFunc(there, func(a, b audit.Partition) int { return a.Period.Start.Compare(b.Period.Start) })
	return there
}

// covered tells whether the partitions, by their start, leave no gap in the period.
func covered(p audit.Period, there []audit.Partition) bool {
	from := p.Start
	for _, t := range there {
		if t.Period.Start.After(from) {
			break
		}
		if t.Period.End.After(from) {
			from = t.Period.End
		}
	}
	return !from.Before(p.End)
}
