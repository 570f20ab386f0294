package console

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// timelinePage tells where the rows of which time are.
type timelinePage struct {
	Kept       []kept
	Plot       timelinePlot
	Holds      []audit.Hold
	Restores   []audit.Restore
	Tombstones []audit.Tombstone
	Retention  audit.Retention
	Horizon    time.Time // what is older leaves the database; zero: nothing does
}

// mostTombstones are shown, the latest.
const mostTombstones = 20

// timeline shows partitions, archive, holds, restores and deletions.
func (c *console) timeline(ctx context.Context, who Visitor, r *http.Request) (*view, *fault) {
	if wrong := newForm(r).wrong(); wrong != nil {
		return nil, wrong
	}
	if wrong := c.everywhere(ctx, who); wrong != nil {
		return nil, wrong
	}
	p, err := c.readTimeline(ctx)
	if err != nil {
		return nil, c.unread(err)
	}
	return &view{title: "Partitions and archive", Body: p}, nil
}

func (c *console) readTimeline(ctx context.Context) (p *timelinePage, err error) {
	p = &timelinePage{}
	if p.Kept, err = c.keepings(ctx); err != nil {
		return nil, err
	}
	if p.Holds, err = c.Reader.Holds(ctx, false); err != nil {
		return nil, err
	}
	if p.Restores, err = c.Reader.Restores(ctx); err != nil {
		return nil, err
	}
	if p.Tombstones, err = c.Reader.Tombstones(ctx, mostTombstones); err != nil {
		return nil, err
	}
	if p.Retention, err = c.Reader.ConfirmedRetention(ctx); err != nil {
		return nil, err
	}
	if m := p.Retention.Mode; m == audit.RetainPartitions || m == audit.RetainRows {
		p.Horizon = c.Now().UTC().Add(-p.Retention.Live)
	}
	p.Plot = plotTimeline(p, c.Now().UTC())
	return p, nil
}

// timelinePlot has a lane for the database, one for the archive and one for what is
// held, over the same time.
type timelinePlot struct {
	Bars         []bar
	Times        []tick
	Now, Horizon float64 // 0: not in the plot
}

// The lanes of a timeline: their tops, and how high they are.
const (
	laneDatabase, laneArchive, laneHeld = 24, 64, 104
	laneHeight                          = 28
	timelineLeft                        = 80
)

func plotTimeline(page *timelinePage, now time.Time) (p timelinePlot) {
	within := timelineRange(page.Kept, now)
	x := scale{float64(within.From.Unix()), float64(within.To.Unix()), timelineLeft, plotRight}
	place := func(from, to time.Time, lane float64, class, says string) {
		if from.Before(within.From) {
			from = within.From
		}
		if to.After(within.To) || to.IsZero() {
			to = within.To
		}
		if from.Before(to) {
			left := x.at(float64(from.Unix()))
			p.Bars = append(p.Bars, bar{left, lane, round(max(x.at(float64(to.Unix()))-left, 1)), laneHeight, class, says})
		}
	}
	for _, k := range page.Kept {
		if k.Partition != nil {
			place(k.Period.Start, k.Period.End, laneDatabase, classOf(k.Partition),
				fmt.Sprintf("%s: %s, %s", k.Partition.Name, k.Partition.State, size(k.Partition.Bytes)))
		}
		if a := k.Archived; a != nil {
			class := "s3"
			if !a.VerifiedAt.IsZero() {
				class = "s1"
			}
			place(k.Period.Start, k.Period.End, laneArchive, class, fmt.Sprintf("%s: %s rows, verified %s", a.Name, count(a.Rows), when(a.VerifiedAt)))
		}
	}
	for _, h := range page.Holds {
		if h.Kind == audit.HoldPeriod {
			place(h.Start, h.End, laneHeld, "s4", fmt.Sprintf("hold %d", h.ID))
		}
	}
	p.Times = timeTicks(x, within.From, within.To)
	p.Now = x.at(float64(now.Unix()))
	if page.Horizon.After(within.From) {
		p.Horizon = x.at(float64(page.Horizon.Unix()))
	}
	return p
}

func classOf(p *audit.Partition) string {
	switch {
	case p.State != audit.PartitionAttached:
		return "s2"
	case p.Tablespace != "":
		return "s3"
	}
	return "s1"
}

// timelineRange is from the first to the last that is kept, at most ten years back
// and two ahead: bounds may be infinite.
func timelineRange(all []kept, now time.Time) Range {
	r := Range{now.AddDate(0, 0, -30), now.AddDate(0, 0, 30)}
	for _, k := range all {
		if k.Period.Start.Before(r.From) {
			r.From = k.Period.Start
		}
		if k.Period.End.After(r.To) {
			r.To = k.Period.End
		}
	}
	if first := now.AddDate(-10, 0, 0); r.From.Before(first) {
		r.From = first
	}
	if last := now.AddDate(2, 0, 0); r.To.After(last) {
		r.To = last
	}
	return r
}
