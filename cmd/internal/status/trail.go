package status

import (
	"context"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

func (r Reader) persisted(ctx context.Context) (p Persisted, err error) {
	recent, err := r.Store.Recent(ctx)
	if err != nil {
		return p, err
	}
	p = Persisted{
		CreatedSince: recent.CreatedSince, LastHour: recent.LastHour, LastDay: recent.LastDay, Sources: []Source{},
		LagP50: seconds(recent.LagP50), LagP99: seconds(recent.LagP99),
	}
	for _, s := range recent.Sources {
		p.Sources = append(p.Sources, Source{s.Source, s.LastHour, s.LastDay})
	}
	return p, nil
}

func seconds(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	s := d.Seconds()
	return &s
}

func (r Reader) partitions(ctx context.Context) (p Partitions, err error) {
	partitions, err := r.Store.Partitions(ctx)
	if err != nil {
		return p, err
	}
	for _, partition := range partitions {
		if partition.State == audit.PartitionAttached {
			p.Attached++
		} else {
			p.Leaving++
		}
	}
	now := r.Now()
	runway := lifecycle.Runway(now, partitions)
	p.Runway, p.RunwayUntil = runway.Seconds(), now.Add(runway).UTC()
	return p, nil
}

func (r Reader) quarantine(ctx context.Context) (q Quarantine, err error) {
	q.Records, err = r.Store.Quarantined(ctx)
	return q, err
}

func (r Reader) holds(ctx context.Context) (Holds, error) {
	holds, err := r.Store.Holds(ctx, false)
	return Holds{len(holds)}, err
}

// archive asks the catalogue and not the bucket, which may be far away and slow.
func (r Reader) archive(ctx context.Context) (a Archive, err error) {
	archived, err := r.Store.Archived(ctx, "")
	if err != nil {
		return a, err
	}
	tombstones, err := r.Store.Tombstones(ctx, 0)
	if err != nil {
		return a, err
	}
	for _, m := range archived {
		a.LastArchived = later(a.LastArchived, m.Period, m.ArchivedAt)
		a.LastVerified = later(a.LastVerified, m.Period, m.VerifiedAt)
	}
	for _, f := range lifecycle.File(archived, tombstones) {
		if f.Deleted {
			continue
		}
		a.Periods++
		a.Records += f.Rows
		if a.LongestUnread == nil || f.ReadAt.Before(a.LongestUnread.At) {
			a.LongestUnread = &Filed{f.Period, f.ReadAt}
		}
	}
	return a, nil
}

func later(than *Filed, period string, at time.Time) *Filed {
	if at.IsZero() || than != nil && !at.After(than.At) {
		return than
	}
	return &Filed{period, at}
}
