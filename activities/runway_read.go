package activities

import (
	"context"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

// What costs more than a look into the catalogue is asked again only after a
// while, whatever the scrapes.
const (
	catalogueFor = time.Minute
	heldFor      = 10 * time.Minute
)

// answer is whether a partition is held, and when that was asked.
type answer struct {
	held bool
	at   time.Time
}

func sizeOf(partitions []audit.Partition) (rows, bytes int64) {
	for _, p := range partitions {
		rows += max(0, p.Rows) // -1 is no estimate yet
		bytes += p.Bytes
	}
	return rows, bytes
}

func (g *trailGauges) readCatalogue(ctx context.Context, now time.Time) error {
	if !g.filedAt.IsZero() && now.Sub(g.filedAt) < catalogueFor {
		return nil
	}
	archived, err := g.trail.Archived(ctx, "")
	if err != nil {
		return err
	}
	tombstones, err := g.trail.Tombstones(ctx, 0)
	if err != nil {
		return err
	}
	g.filed, g.filedAt = lifecycle.File(archived, tombstones), now
	return nil
}

func (g *trailGauges) archived() (rows, bytes int64, oldest time.Time) {
	for _, f := range g.filed {
		if f.Deleted {
			continue
		}
		rows += f.Rows
		bytes += f.Bytes
		if oldest.IsZero() || f.ReadAt.Before(oldest) {
			oldest = f.ReadAt
		}
	}
	return rows, bytes, oldest
}

// heldAmong are the holds in force and the partitions that any of them holds. Answers are kept for a while, so
// that even a slow database has told all of them after some scrapes.
func (g *trailGauges) heldAmong(ctx context.Context, now time.Time, partitions []audit.Partition) (holds []audit.Hold, held []audit.Partition, err error) {
	holds, err = g.trail.Holds(ctx, false)
	if err != nil || len(holds) == 0 {
		clear(g.held)
		return nil, nil, err
	}
	for _, p := range partitions {
		known, ok := g.held[p.Name]
		if !ok || now.Sub(known.at) >= heldFor {
			by, err := g.trail.Holding(ctx, p.Name)
			if err != nil {
				return nil, nil, err
			}
			known = answer{len(by) > 0, now}
			g.held[p.Name] = known
		}
		if known.held {
			held = append(held, p)
		}
	}
	return holds, held, nil
}
