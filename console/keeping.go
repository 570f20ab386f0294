package console

import (
	"context"
	"sort"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// kept is what the catalogue says of a stretch of time: its partition, its period in
// the archive, or both.
type kept struct {
	Period    audit.Period
	Partition *audit.Partition // nil: gone from the database, or never there
	Archived  *archivedPeriod  // nil: not in the archive
}

// archivedPeriod adds up the manifests of a period.
type archivedPeriod struct {
	Name        string
	Period      audit.Period
	Manifests   int
	Rows, Bytes int64
	ArchivedAt  time.Time // of the last manifest
	VerifiedAt  time.Time
	SHA256      string // of the last manifest
}

// keepings reads partitions and archive, by their start.
func (c *console) keepings(ctx context.Context) (all []kept, err error) {
	partitions, err := c.Reader.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	manifests, err := c.Reader.Archived(ctx, "")
	if err != nil {
		return nil, err
	}
	periods := addManifests(manifests)
	for i := range partitions {
		k := kept{Period: partitions[i].Period, Partition: &partitions[i]}
		if a := periods[k.Period.Suffix()]; a != nil {
			k.Archived = a
			delete(periods, k.Period.Suffix())
		}
		all = append(all, k)
	}
	for _, a := range periods {
		all = append(all, kept{Period: a.Period, Archived: a})
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Period.Start.Before(all[j].Period.Start) })
	return all, nil
}

func addManifests(manifests []audit.Archived) map[string]*archivedPeriod {
	periods := map[string]*archivedPeriod{}
	for _, m := range manifests {
		a := periods[m.Period]
		if a == nil {
			a = &archivedPeriod{Name: m.Period, Period: audit.PeriodBetween(m.Start, m.End)}
			periods[m.Period] = a
		}
		a.Manifests, a.Rows, a.Bytes = a.Manifests+1, a.Rows+m.Rows, a.Bytes+m.Bytes
		a.ArchivedAt, a.VerifiedAt, a.SHA256 = m.ArchivedAt, m.VerifiedAt, m.SHA256
	}
	return periods
}

// coveredUntil is until when there is a partition for every instant from now on; now
// if there is none.
func coveredUntil(all []kept, now time.Time) time.Time {
	until := now
	for _, k := range all { // by their start
		if k.Partition != nil && k.Partition.State == audit.PartitionAttached && !k.Period.Start.After(until) && k.Period.End.After(until) {
			until = k.Period.End
		}
	}
	return until
}
