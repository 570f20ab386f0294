package lifecycle

import (
	"time"

	"github.com/auditflow/auditflow/audit"
)

// Collision tells what holds keep, or are about to keep, for longer than the
// retention would: where two promises meet, somebody should know before.
type Collision struct {
	Overdue int       // have expired, and a hold alone keeps them
	Next    time.Time // when the next of the others expires; zero without any
}

func (c *Collision) add(now, expires time.Time) {
	switch {
	case !expires.After(now):
		c.Overdue++
	case c.Next.IsZero() || expires.Before(c.Next):
		c.Next = expires
	}
}

// CollideLive looks at partitions of which a hold keeps any row. Where rows are
// deleted one by one, a partition begins to expire with its first instant.
func CollideLive(now time.Time, r audit.Retention, held []audit.Partition) (c Collision) {
	for _, p := range held {
		switch r.Mode {
		case audit.RetainPartitions:
			c.add(now, p.Period.End.Add(r.Live))
		case audit.RetainRows:
			c.add(now, p.Period.Start.Add(r.Live))
		case audit.RetainAll: // deletes nothing that a hold could keep
		}
	}
	return c
}

// CollideArchive looks at the periods of the archive that a hold on a period
// overlaps. Whether a hold on rows is on any of theirs takes reading them, which
// is left to the run that would delete them, see [NeedsReading].
func CollideArchive(now time.Time, r audit.Retention, filed []Filed, holds []audit.Hold) (c Collision) {
	if r.Mode == audit.RetainAll || r.Archive <= 0 {
		return c
	}
	for _, f := range filed {
		if !f.Deleted && len(periodHolds(f, holds)) > 0 {
			c.add(now, f.End.Add(r.Archive))
		}
	}
	return c
}

// periodHolds are the holds on periods that overlap this one.
func periodHolds(f Filed, holds []audit.Hold) (overlapping []audit.Hold) {
	for _, h := range holds {
		if h.Kind == audit.HoldPeriod && f.period().Overlaps(audit.Period{Start: h.Start, End: h.End}) {
			overlapping = append(overlapping, h)
		}
	}
	return overlapping
}
