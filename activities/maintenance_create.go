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

// CreatePlan is what partitions lack. Runway is until when they suffice as they are.
type CreatePlan struct {
	Periods []audit.Period `json:"periods"`
	Runway  lifecycle.Age  `json:"runway"`
}

// PlanPartitions finds out which periods lack a partition.
func (m *Maintain) PlanPartitions(ctx context.Context, now time.Time, policy lifecycle.Create) (plan CreatePlan, err error) {
	defer contain(&err)
	partitions, err := m.Partitions.Partitions(ctx)
	if err != nil {
		return plan, m.failure("list partitions", err)
	}
	plan.Periods = lifecycle.CreateAhead(now, policy, partitions)
	plan.Runway = lifecycle.Age(lifecycle.Runway(now, partitions).Truncate(time.Minute))
	return plan, nil
}

// EnsurePartition makes sure that every instant of a period has a partition.
func (m *Maintain) EnsurePartition(ctx context.Context, p audit.Period) (created bool, err error) {
	defer contain(&err)
	created, err = m.Partitions.EnsurePeriod(ctx, p)
	return created, m.failure("create partitions for "+p.Suffix(), err)
}

// TierPlan is what has to move. Nothing says why nothing can.
type TierPlan struct {
	Nothing string           `json:"nothing,omitempty"`
	Moves   []lifecycle.Move `json:"moves"`
}

// PlanTiers finds out which partitions belong into another tablespace.
func (m *Maintain) PlanTiers(ctx context.Context, now time.Time, policy lifecycle.Tiers) (plan TierPlan, err error) {
	defer contain(&err)
	if policy.None() {
		return TierPlan{Nothing: "there are no tablespaces (maintenance.tiers): everything stays where it is"}, nil
	}
	if err := m.checkTablespaces(ctx, policy); err != nil {
		return plan, err
	}
	partitions, err := m.Partitions.Partitions(ctx)
	if err != nil {
		return plan, m.failure("list partitions", err)
	}
	return TierPlan{Moves: lifecycle.PlanTiers(now, policy, partitions)}, nil
}

func (m *Maintain) checkTablespaces(ctx context.Context, policy lifecycle.Tiers) error {
	have, err := m.Partitions.Tablespaces(ctx)
	if err != nil {
		return m.failure("list tablespaces", err)
	}
	var absent []string
	for _, name := range policy.Tablespaces() {
		if !slices.Contains(have, name) && !slices.Contains(absent, name) {
			absent = append(absent, name)
		}
	}
	if len(absent) == 0 {
		return nil
	}
	return refused(fmt.Errorf("tablespace %s: is not there, or the login may create nothing in it (it may in: %s)",
		strings.Join(absent, ", "), strings.Join(have, ", ")))
}

// MovePartition brings a partition into its tablespace.
func (m *Maintain) MovePartition(ctx context.Context, move lifecycle.Move) (moved bool, err error) {
	defer contain(&err)
	ctx, b := begin(ctx)
	defer b.end()
	moved, err = m.Partitions.Move(ctx, move.Partition, move.Tablespace, b.rows)
	return moved, m.failure("move "+move.Partition, err)
}
