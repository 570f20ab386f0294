package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

// Verified is what the archive has of a partition's time, all of it intact.
type Verified struct {
	Periods  []string `json:"periods"`
	Rows     int64    `json:"rows"`
	Manifest string   `json:"manifest_sha256,omitempty"` // the last one
}

// VerifyPeriod reads back whatever the archive has of a stretch of time. Anything
// that is not intact is an error that names it.
func (m *Maintain) VerifyPeriod(ctx context.Context, p Period, now time.Time) (v Verified, err error) {
	defer contain(&err)
	ctx, b := begin(ctx)
	defer b.end()
	if _, err := m.adopt(ctx, p.Name()); err != nil {
		return v, m.failure("read the manifests of "+p.Name(), err)
	}
	filed, _, err := m.filed(ctx)
	if err != nil {
		return v, m.failure("read the catalogue", err)
	}
	for _, f := range lifecycle.Overlapping(p.period(), filed) {
		if err := m.verify(ctx, f.Period, now, b); err != nil {
			return v, m.failure("verify "+f.Period, err)
		}
		v.Periods = append(v.Periods, f.Period)
		v.Rows += f.Rows
		v.Manifest = f.Manifest
	}
	return v, nil
}

// verify reads a period back, unless an earlier attempt did.
func (m *Maintain) verify(ctx context.Context, period string, now time.Time, b *beat) error {
	if slices.Contains(b.sofar().Verified, period) {
		return nil
	}
	known, err := m.Partitions.Archived(ctx, period)
	if err != nil {
		return err
	}
	finding, err := m.Archive.Verify(ctx, period, known, b.rows)
	if err != nil {
		return err
	}
	if finding.Verdict != audit.Intact {
		return unproven("period %s in the archive is %s: %s", period, finding.Verdict, named(finding.Faults))
	}
	if err := m.Partitions.NoteVerified(ctx, period, now); err != nil {
		return err
	}
	b.tell(func(p *Progress) { p.Verified = append(p.Verified, period) })
	return nil
}

// named are the first faults, and how many more there are.
func named(faults []string) string {
	if n := len(faults) - lifecycle.MaxNamed; n > 0 {
		return fmt.Sprintf("%s; and %d more", strings.Join(faults[:lifecycle.MaxNamed], "; "), n)
	}
	return strings.Join(faults, "; ")
}

// ComparePartition compares every row of a table with the archive.
func (m *Maintain) ComparePartition(ctx context.Context, p Period) (c lifecycle.Comparison, err error) {
	defer contain(&err)
	ctx, b := begin(ctx)
	defer b.end()
	if c, err = m.compare(ctx, p); err != nil {
		return c, m.failure("compare "+p.Partition+" with the archive", err)
	}
	return c, alteredIn(p.Partition, c)
}

// Detached tells whether a partition was taken out of the audit table, and if
// not, why.
type Detached struct {
	Kept string `json:"kept,omitempty"`
}

// DetachPartition takes a partition out of the audit table, after a last look: a
// hold may have been placed since the plan was made.
func (m *Maintain) DetachPartition(ctx context.Context, p Period, now time.Time, policy lifecycle.Retaining) (d Detached, err error) {
	defer contain(&err)
	ctx, b := begin(ctx)
	defer b.end()
	d.Kept, err = m.lastLook(ctx, p.Partition, now, policy)
	if err != nil || d.Kept != "" {
		return d, m.failure("look at "+p.Partition+" once more", err)
	}
	return d, m.failure("detach "+p.Partition, m.Partitions.Detach(ctx, p.Partition))
}

// lastLook says why a partition stays; "" when it may go.
func (m *Maintain) lastLook(ctx context.Context, name string, now time.Time, policy lifecycle.Retaining) (kept string, err error) {
	p, there, err := m.partition(ctx, name)
	if err != nil || !there {
		return "", err
	}
	s, err := m.situation(ctx, p)
	if err != nil {
		return "", err
	}
	filed, _, err := m.filed(ctx)
	if err != nil {
		return "", err
	}
	d := lifecycle.PlanRetention(now, policy.Retention(), []lifecycle.Situation{s}, filed)[0]
	if d.Action != lifecycle.Drop {
		return d.Why, nil
	}
	return "", nil
}

// FinishDetaching ends what an earlier run began.
func (m *Maintain) FinishDetaching(ctx context.Context, partition string) (err error) {
	defer contain(&err)
	ctx, b := begin(ctx)
	defer b.end()
	return m.failure("finish detaching "+partition, m.Partitions.Detach(ctx, partition))
}

// Removal is a decision that the archive has been found to allow.
type Removal struct {
	Decision lifecycle.Decision `json:"decision"`
	// Rows were compared with the archive.
	Rows     int64               `json:"rows"`
	Manifest string              `json:"manifest_sha256,omitempty"`
	Policy   lifecycle.Retaining `json:"policy"`
	Now      time.Time           `json:"now"`
}

// tombstone remembers it.
func (r Removal) tombstone(ctx context.Context, what audit.Deletion, name string) audit.Tombstone {
	workflowID, runID := run(ctx)
	return audit.Tombstone{
		What: what, Name: name, Start: r.Decision.Start, End: r.Decision.End, Rows: r.Rows,
		Why: r.Decision.Why, Policy: lifecycle.Words(r.Policy.Retention()), Manifest: r.Manifest,
		WorkflowID: workflowID, RunID: runID, DeletedAt: r.Now,
	}
}

// Removed is what was deleted.
type Removed struct {
	Rows  int64 `json:"rows"`
	Bytes int64 `json:"bytes,omitempty"`
	// Kept says why nothing was.
	Kept string `json:"kept,omitempty"`
}

// DropPartition drops a detached partition.
func (m *Maintain) DropPartition(ctx context.Context, r Removal) (done Removed, err error) {
	defer contain(&err)
	ctx, b := begin(ctx)
	defer b.end()
	name := r.Decision.Partition
	p, _, err := m.partition(ctx, name) // it may be gone: the store knows whether this run dropped it
	if err != nil {
		return done, m.failure("find "+name, err)
	}
	t := r.tombstone(ctx, audit.DeletedPartition, name)
	t.Bytes = p.Bytes
	if err := m.Partitions.Drop(ctx, name, r.Rows, t); err != nil {
		return done, m.failure("drop "+name, err)
	}
	m.Metrics.deleted(r.Rows)
	return Removed{Rows: r.Rows, Bytes: p.Bytes}, nil
}

// DeleteRows deletes the rows of a partition that have expired, are in the archive
// and held by nobody. Attempts add up in the tombstones, not in what it returns.
func (m *Maintain) DeleteRows(ctx context.Context, r Removal) (done Removed, err error) {
	defer contain(&err)
	ctx, b := begin(ctx)
	defer b.end()
	d := r.Decision
	t := r.tombstone(ctx, audit.DeletedRows, d.Partition)
	t.End, t.Rows = d.Before, 0
	done.Rows, err = m.Partitions.DeleteRows(ctx, d.Partition, d.Before, m.Archive.Entries(ctx, d.Start, d.Before), t, b.rows)
	m.Metrics.deleted(done.Rows)
	return done, m.failure("delete rows of "+d.Partition, err)
}
