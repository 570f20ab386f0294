package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/internal/failpoint"
)

// ExpiryPlan is what leaves the archive.
type ExpiryPlan struct {
	// Decisions are those that delete, and those that keep what has expired.
	Decisions []lifecycle.Decision `json:"decisions"`
	// Unfinished are periods of which an earlier run deleted a part.
	Unfinished []string `json:"unfinished,omitempty"`
	Kept       int      `json:"kept"` // because they have not expired
	Later      int      `json:"later,omitempty"`
}

// PlanArchiveRetention finds out what leaves the archive.
func (m *Maintain) PlanArchiveRetention(ctx context.Context, now time.Time, policy lifecycle.Retaining) (plan ExpiryPlan, err error) {
	defer contain(&err)
	if m.Archive == nil {
		return plan, nil
	}
	ctx, b := begin(ctx)
	defer b.end()
	filed, _, err := m.filed(ctx)
	if err != nil {
		return plan, m.failure("read the catalogue", err)
	}
	decisions, err := m.expiry(ctx, now, policy, filed)
	if err != nil {
		return plan, m.failure("find out what has expired in the archive", err)
	}
	plan.Unfinished = lifecycle.Unfinished(filed)
	for _, d := range decisions {
		switch {
		case !d.Expired:
			plan.Kept++
		case len(plan.Decisions) == MaxPlanned:
			plan.Later++
		default:
			plan.Decisions = append(plan.Decisions, d)
		}
	}
	return plan, nil
}

func (m *Maintain) expiry(ctx context.Context, now time.Time, policy lifecycle.Retaining, filed []lifecycle.Filed) ([]lifecycle.Decision, error) {
	partitions, err := m.Partitions.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	holds, err := m.Partitions.Holds(ctx, false)
	if err != nil {
		return nil, err
	}
	return lifecycle.PlanArchiveRetention(now, policy.Retention(), filed, partitions, holds), nil
}

// DeletePeriod takes a period out of the archive, after a last look, and after its
// tombstone is written: what is half deleted must not be taken for lost.
func (m *Maintain) DeletePeriod(ctx context.Context, r Removal) (done Removed, err error) {
	defer contain(&err)
	ctx, b := begin(ctx)
	defer b.end()
	name := r.Decision.Period
	filed, _, err := m.filed(ctx)
	if err != nil {
		return done, m.failure("read the catalogue", err)
	}
	for _, f := range filed {
		if f.Period != name || f.Deleted { // an earlier attempt wrote the tombstone
			continue
		}
		if done.Kept, err = m.lastLookAt(ctx, f, r, b); err != nil || done.Kept != "" {
			return done, m.failure("look at "+name+" once more", err)
		}
		// A tombstone tells what is gone: none is written of what a lock keeps.
		if err := m.Archive.Deletable(ctx, name); err != nil {
			return done, m.failure("delete "+name+" from the archive", err)
		}
		r.Rows, r.Manifest = f.Rows, f.Manifest
		t := r.tombstone(ctx, audit.DeletedArchive, name)
		t.Bytes = f.Bytes
		if err := m.Partitions.WriteTombstone(ctx, t); err != nil {
			return done, m.failure("write the tombstone of "+name, err)
		}
		failpoint.Hit("expire.tombstone")
		done.Rows, done.Bytes = f.Rows, f.Bytes
	}
	if err := m.Archive.Delete(ctx, name); err != nil {
		return done, m.failure("delete "+name+" from the archive", err)
	}
	failpoint.Hit("expire.deleted")
	return done, m.failure("note that "+name+" is deleted", m.Partitions.NoteDeleted(ctx, name))
}

// lastLookAt says why a period in the archive stays; "" when it may go.
func (m *Maintain) lastLookAt(ctx context.Context, f lifecycle.Filed, r Removal, b *beat) (kept string, err error) {
	decisions, err := m.expiry(ctx, r.Now, r.Policy, []lifecycle.Filed{f})
	if err != nil {
		return "", err
	}
	if d := decisions[0]; d.Action != lifecycle.Drop {
		return d.Why, nil
	}
	holds, err := m.Partitions.Holds(ctx, false)
	if err != nil {
		return "", err
	}
	return m.holdingRows(ctx, f, lifecycle.NeedsReading(holds), b)
}

// holdingRows reads a period for rows that are held. There being no hold on rows
// at all, the usual case, it reads nothing.
func (m *Maintain) holdingRows(ctx context.Context, f lifecycle.Filed, holds []audit.Hold, b *beat) (kept string, err error) {
	if len(holds) == 0 {
		return "", nil
	}
	var read int64
	for row, err := range m.Archive.Read(ctx, f.Start, f.End, "") {
		if err != nil {
			return "", fmt.Errorf("read %s for held rows: %w", f.Period, err)
		}
		for _, h := range holds {
			if h.Matches(&row.Record) {
				return fmt.Sprintf("has rows that are held by hold %d", h.ID), nil
			}
		}
		read++
		b.rows(read)
	}
	return "", nil
}

// ExpireRestores takes away restored rows whose time has passed.
func (m *Maintain) ExpireRestores(ctx context.Context, now time.Time) (rows int64, err error) {
	defer contain(&err)
	ctx, b := begin(ctx)
	defer b.end()
	rows, err = m.Partitions.ExpireRestores(ctx, now)
	return rows, m.failure("expire restored rows", err)
}
