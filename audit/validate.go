package audit

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Validate reports every fault of the record at once, each with its JSON name.
// Messages name fields and limits, never content.
//
// A record that a door accepts must be valid; what merely cannot be stored as
// it is (NUL, over-long names) is not a fault but the business of
// [Record.Normalise].
func (r *Record) Validate() error {
	var faults []error
	require := func(ok bool, field, rule string) {
		if !ok {
			faults = append(faults, fmt.Errorf("%s: %s", field, rule))
		}
	}
	require(isUUID(r.ID), "id", "must be a UUID")
	require(r.ExecutionID != "", "execution_id", "is required")
	require(r.ActionType != "", "action_type", "is required")
	require(r.Cluster != "", "cluster", "is required")
	require(r.Source != "", "source", "is required")
	require(r.Phase != "", "phase", "is required")
	require(!r.CreatedAt.IsZero(), "created_at", "is required")
	require(r.CreatedAt.IsZero() || storableYear(r.CreatedAt), "created_at", "must lie in the years 1970 to 9999")
	require(r.StepIndex >= 0, "step_index", "must not be negative")
	require(r.RetryCount >= 0, "retry_count", "must not be negative")
	require(r.MaxRetries >= 0, "max_retries", "must not be negative")
	require(r.Duration == nil || *r.Duration >= 0, "duration", "must not be negative (nanoseconds)")
	require(len(r.ActionParameters) == 0 || json.Valid(r.ActionParameters), "action_parameters", "must be one JSON value")
	return errors.Join(faults...)
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		hexDigit := c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
		if dash && c != '-' || !dash && !hexDigit {
			return false
		}
	}
	return true
}
