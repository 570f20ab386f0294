package lifecycle

import (
	"fmt"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// Tiers says in which tablespace rows of which age lie.
type Tiers struct {
	// Hot, Warm and Cold are tablespaces. What reaches a tier without one stays
	// where it is.
	Hot  string `json:"hot,omitempty"`
	Warm string `json:"warm,omitempty"`
	Cold string `json:"cold,omitempty"`
	// WarmAfter and ColdAfter are ages of a partition's youngest row.
	WarmAfter Age `json:"warm_after"`
	ColdAfter Age `json:"cold_after"`
}

// None tells that there is nowhere to move anything.
func (t Tiers) None() bool { return t.Hot == "" && t.Warm == "" && t.Cold == "" }

// Tablespaces are those that are named, in the order of the tiers.
func (t Tiers) Tablespaces() (names []string) {
	for _, name := range []string{t.Hot, t.Warm, t.Cold} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Move is a partition that belongs into another tablespace.
type Move struct {
	Partition  string `json:"partition"`
	Tablespace string `json:"tablespace"`
	Why        string `json:"why"`
}

// PlanTiers returns what has to move, in the order of the partitions. A partition
// on its way out is left alone.
func PlanTiers(now time.Time, t Tiers, partitions []audit.Partition) (moves []Move) {
	for _, p := range partitions {
		to, why := t.of(now, p.Period)
		if to == "" || to == p.Tablespace || p.State != audit.PartitionAttached {
			continue
		}
		moves = append(moves, Move{p.Name, to, why})
	}
	return moves
}

// of is the tablespace of the tier in which a period is, as a whole.
func (t Tiers) of(now time.Time, p audit.Period) (tablespace, why string) {
	switch {
	case t.ColdAfter.passed(now, p.End):
		return t.Cold, fmt.Sprintf("ended %s ago, cold after %s", ago(now, p.End), t.ColdAfter)
	case t.WarmAfter.passed(now, p.End):
		return t.Warm, fmt.Sprintf("ended %s ago, warm after %s", ago(now, p.End), t.WarmAfter)
	default:
		return t.Hot, fmt.Sprintf("hot until %s after its end", t.WarmAfter)
	}
}

// ago is how long since, in whole days if it is that long.
func ago(now, then time.Time) Age {
	since := now.Sub(then)
	if since >= Day {
		return Age(since.Truncate(Day))
	}
	return Age(since.Truncate(time.Minute))
}
