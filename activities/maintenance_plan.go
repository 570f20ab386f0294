package activities

import (
	"context"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

// MaxPlanned is how many periods one run deals with, so that its history stays
// small after years in which nothing ran. The oldest come first; the next run
// goes on.
const MaxPlanned = 250

// ArchivePlan is what is to be archived. Nothing says why nothing can.
type ArchivePlan struct {
	Nothing string           `json:"nothing,omitempty"`
	Due     []lifecycle.Step `json:"due"`
	// Complete are due and have no row that is not archived; Waiting are not due;
	// Later are due and left to the next run.
	Complete int `json:"complete"`
	Waiting  int `json:"waiting"`
	Later    int `json:"later,omitempty"`
}

// PlanArchive finds out which partitions have rows to archive. Partitions that
// are as many rows as the archive has are complete; whatever else is due is
// compared row by row when its turn comes.
func (m *Maintain) PlanArchive(ctx context.Context, now time.Time, policy lifecycle.Archiving) (plan ArchivePlan, err error) {
	defer contain(&err)
	if m.Archive == nil {
		return ArchivePlan{Nothing: NoBucket}, nil
	}
	ctx, b := begin(ctx)
	defer b.end()
	partitions, err := m.Partitions.Partitions(ctx)
	if err != nil {
		return plan, m.failure("list partitions", err)
	}
	filed, tombstones, err := m.filed(ctx)
	if err != nil {
		return plan, m.failure("read the catalogue", err)
	}
	for i, step := range lifecycle.PlanArchive(now, policy, partitions, filed) {
		if !step.Due {
			plan.Waiting++
			continue
		}
		rows, err := m.Partitions.Count(ctx, step.Partition, time.Time{})
		if err != nil {
			return plan, m.failure("count the rows of "+step.Partition, err)
		}
		switch {
		case lifecycle.Complete(partitions[i], rows, filed, tombstones):
			plan.Complete++
		case len(plan.Due) == MaxPlanned:
			plan.Later++
		default:
			plan.Due = append(plan.Due, step)
		}
	}
	return plan, nil
}

// AdmitRetention refuses a retention that must not be followed: one that is
// wrong, and one that deletes sooner than the one in force. Any other is put in
// force.
func (m *Maintain) AdmitRetention(ctx context.Context, policy lifecycle.Retaining) (err error) {
	defer contain(&err)
	if err := policy.Check(); err != nil {
		return refused(err)
	}
	inForce, err := m.Partitions.ConfirmedRetention(ctx)
	if err != nil {
		return m.failure("read the retention in force", err)
	}
	r := policy.Retention()
	if err := lifecycle.CheckShortening(r, inForce); err != nil {
		return refused(err)
	}
	if !lifecycle.Differs(r, inForce) {
		return nil
	}
	r.ConfirmedBy, _ = run(ctx)
	return m.failure("put the retention in force", m.Partitions.ConfirmRetention(ctx, r))
}

// RetentionPlan is what leaves the database. Nothing says why nothing can.
type RetentionPlan struct {
	Nothing string `json:"nothing,omitempty"`
	// Finish are partitions that an earlier run began to detach: until that is
	// ended, no other can be.
	Finish []string `json:"finish,omitempty"`
	// Decisions are those that do something, and those that keep what has expired.
	Decisions []lifecycle.Decision `json:"decisions"`
	Kept      int                  `json:"kept"`            // because they have not expired
	Later     int                  `json:"later,omitempty"` // left to the next run
}

// PlanRetention finds out what leaves the database.
func (m *Maintain) PlanRetention(ctx context.Context, now time.Time, policy lifecycle.Retaining) (plan RetentionPlan, err error) {
	defer contain(&err)
	if m.Archive == nil {
		return RetentionPlan{Nothing: NoBucket}, nil
	}
	ctx, b := begin(ctx)
	defer b.end()
	all, filed, err := m.situations(ctx, now, policy.Retention())
	if err != nil {
		return plan, m.failure("find out what has expired", err)
	}
	for _, s := range all {
		if s.Partition.State == audit.PartitionDetaching {
			plan.Finish = append(plan.Finish, s.Partition.Name)
		}
	}
	for _, d := range lifecycle.PlanRetention(now, policy.Retention(), all, filed) {
		switch {
		case !d.Expired && d.Action == lifecycle.Keep:
			plan.Kept++
		case len(plan.Decisions) == MaxPlanned:
			plan.Later++
		default:
			plan.Decisions = append(plan.Decisions, d)
		}
	}
	return plan, nil
}

// situations gathers what decides about each partition. Of those that have not
// expired nobody needs to know more.
func (m *Maintain) situations(ctx context.Context, now time.Time, r audit.Retention) ([]lifecycle.Situation, []lifecycle.Filed, error) {
	partitions, err := m.Partitions.Partitions(ctx)
	if err != nil {
		return nil, nil, err
	}
	filed, _, err := m.filed(ctx)
	if err != nil {
		return nil, nil, err
	}
	all := make([]lifecycle.Situation, len(partitions))
	for i, p := range partitions {
		all[i].Partition = p
		if !lifecycle.Expired(now, r, p) {
			continue
		}
		if all[i], err = m.situation(ctx, p); err != nil {
			return nil, nil, err
		}
	}
	return all, filed, nil
}

func (m *Maintain) situation(ctx context.Context, p audit.Partition) (s lifecycle.Situation, err error) {
	s.Partition = p
	if s.Holds, err = m.Partitions.Holding(ctx, p.Name); err != nil {
		return s, err
	}
	if s.InFlight, err = m.Deliveries.InFlight(ctx, p.Period.Start, p.Period.End); err != nil {
		return s, err
	}
	if p.State == audit.PartitionDetaching {
		return s, nil // to be counted when it is a table of its own
	}
	rows, err := m.Partitions.Count(ctx, p.Name, time.Time{})
	s.Empty = rows == 0
	return s, err
}
