package audit

import (
	"errors"
	"fmt"
	"time"
)

// Hold keeps what it names from being deleted, in the database and in the
// archive, until it is released. Any number of holds may be on one thing.
type Hold struct {
	ID   int64    `json:"id"`
	Kind HoldKind `json:"kind"`
	// Value is the workflow_ref, namespace (of the target or of the execution),
	// action_type or id (UUID) that is held; empty for a period.
	Value string `json:"value,omitempty"`
	// Start and End bound created_at, for a period: inclusive, exclusive.
	Start      time.Time `json:"start,omitzero"`
	End        time.Time `json:"end,omitzero"`
	Reason     string    `json:"reason"`
	PlacedBy   string    `json:"placed_by"`
	PlacedAt   time.Time `json:"placed_at"`
	ReleasedBy string    `json:"released_by,omitempty"`
	ReleasedAt time.Time `json:"released_at,omitzero"` // zero while it holds
}

// HoldKind is by what a hold names rows.
type HoldKind string

// The kinds of holds.
const (
	HoldPeriod    HoldKind = "period"
	HoldWorkflow  HoldKind = "workflow_ref"
	HoldNamespace HoldKind = "namespace"
	HoldAction    HoldKind = "action"
	HoldID        HoldKind = "id"
)

// HoldKinds are all of them.
func HoldKinds() []HoldKind {
	return []HoldKind{HoldPeriod, HoldWorkflow, HoldNamespace, HoldAction, HoldID}
}

// Validate reports every fault of a hold that is to be placed.
func (h Hold) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	switch h.Kind {
	case HoldPeriod:
		if !h.Start.Before(h.End) {
			fault("period: its start must lie before its end")
		}
		if h.Value != "" {
			fault("value: a period has none")
		}
	case HoldWorkflow, HoldNamespace, HoldAction, HoldID:
		if h.Value == "" {
			fault("%s: is required", h.Kind)
		}
		if h.Kind == HoldID {
			if _, err := (&Record{ID: h.Value, RecordSHA256: emptyDigest}).Entry(); err != nil {
				fault("id: must be a UUID")
			}
		}
	default:
		fault("kind: want one of %v, not %q", HoldKinds(), h.Kind)
	}
	if h.Reason == "" {
		fault("reason: is required: whoever releases the hold has to know why it was placed")
	}
	if h.PlacedBy == "" {
		fault("placed_by: is required")
	}
	return errors.Join(faults...)
}

const emptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Matches tells whether the hold, which is not released, holds this record.
func (h Hold) Matches(r *Record) bool {
	switch h.Kind {
	case HoldPeriod:
		return Period{Start: h.Start, End: h.End}.Contains(r.CreatedAt)
	case HoldWorkflow:
		return r.WorkflowRef == h.Value
	case HoldNamespace:
		return r.TargetNamespace == h.Value || r.ExecutionNamespace == h.Value
	case HoldAction:
		return r.ActionType == h.Value
	case HoldID:
		return r.ID == h.Value
	}
	return true // what is not known is kept
}
