package status

import (
	"encoding/json"
	"time"
)

// Status is how things stand. In JSON a part that could not be read is
// {"error": "…"} and nothing else, so that no zero is taken for a fact.
type Status struct {
	At         time.Time         `json:"at"`
	Persisted  Part[Persisted]   `json:"persisted"`
	Pending    Part[Pending]     `json:"pending"`
	Partitions Part[Partitions]  `json:"partitions"`
	Quarantine Part[Quarantine]  `json:"quarantine"`
	Holds      Part[Holds]       `json:"holds"`
	Archive    Part[Archive]     `json:"archive"`
	Schedules  Part[[]*Schedule] `json:"schedules"`
}

// Part is something that could be read, or else why it could not.
type Part[T any] struct {
	Value T
	Err   error
}

// MarshalJSON implements [json.Marshaler].
func (p Part[T]) MarshalJSON() ([]byte, error) {
	if p.Err != nil {
		return json.Marshal(struct {
			Error string `json:"error"`
		}{p.Err.Error()})
	}
	return json.Marshal(p.Value)
}

// Unread names the parts that could not be read.
func (s *Status) Unread() (names []string) {
	for _, part := range []struct {
		name string
		err  error
	}{
		{"persisted", s.Persisted.Err},
		{"pending", s.Pending.Err},
		{"partitions", s.Partitions.Err},
		{"quarantine", s.Quarantine.Err},
		{"holds", s.Holds.Err},
		{"archive", s.Archive.Err},
		{"schedules", s.Schedules.Err},
	} {
		if part.err != nil {
			names = append(names, part.name)
		}
	}
	return names
}

// Persisted is what was written of late, by the clock of the database.
type Persisted struct {
	// CreatedSince is how far back executions were looked at: what was created
	// before it and written within the last day is not counted.
	CreatedSince time.Time `json:"created_since"`
	LastHour     int64     `json:"records_last_hour"`
	LastDay      int64     `json:"records_last_day"`
	Sources      []Source  `json:"sources"`
	// LagP50 and LagP99 are of completion to the committed row, of the rows of the
	// last hour; nil when there are none.
	LagP50 *float64 `json:"lag_p50_seconds"`
	LagP99 *float64 `json:"lag_p99_seconds"`
}

// Source counts what was written of one source.
type Source struct {
	Source   string `json:"source"`
	LastHour int64  `json:"records_last_hour"`
	LastDay  int64  `json:"records_last_day"`
}

// Pending is what Temporal has durably and the database not yet.
type Pending struct {
	Deliveries int64   `json:"deliveries"` // workflows; each of a batch delivers several records
	Oldest     *Oldest `json:"oldest"`     // nil when none is pending
}

// Oldest is the delivery that has been pending for longest.
type Oldest struct {
	WorkflowID  string    `json:"workflow_id"`
	StartedAt   time.Time `json:"started_at"`
	AgeSeconds  float64   `json:"age_seconds"`
	Step        string    `json:"step,omitempty"` // that is retried; empty while the first attempt runs
	Attempt     int       `json:"attempt,omitempty"`
	LastFailure string    `json:"last_failure,omitempty"`
}

// Partitions are the tables that wait for rows.
type Partitions struct {
	Attached int `json:"attached"`
	Leaving  int `json:"leaving"` // being detached, or detached and not dropped yet
	// Runway is for how long from now there is a partition for every instant.
	Runway      float64   `json:"runway_seconds"`
	RunwayUntil time.Time `json:"runway_until"`
}

// Quarantine is what PostgreSQL would not take.
type Quarantine struct {
	Records int64 `json:"records"`
}

// Holds are those that hold.
type Holds struct {
	Holds int `json:"holds"`
}

// Archive is what the catalogue of the database knows of it.
type Archive struct {
	Periods      int    `json:"periods"`
	Records      int64  `json:"records"`
	LastArchived *Filed `json:"last_archived"` // nil when nothing is
	LastVerified *Filed `json:"last_verified"` // nil when nothing was, since it was written
	// LongestUnread is the period that was last read back longest ago.
	LongestUnread *Filed `json:"longest_unread"`
}

// Filed is a period in the archive, and when something was done with it.
type Filed struct {
	Period string    `json:"period"`
	At     time.Time `json:"at"`
}

// Schedule is one of maintenance.
type Schedule struct {
	ID      string    `json:"id"`
	Exists  bool      `json:"exists"`
	Paused  bool      `json:"paused"`
	Note    string    `json:"note,omitempty"` // why, or whatever somebody wrote there
	LastRun *Run      `json:"last_run"`       // nil before the first
	NextRun time.Time `json:"next_run_at,omitzero"`
}

// Run is a run of a schedule.
type Run struct {
	WorkflowID string    `json:"workflow_id"`
	RunID      string    `json:"run_id"`
	StartedAt  time.Time `json:"started_at"`
	// Outcome is as Temporal has it: Running, Completed, Failed, Terminated, …; or
	// Forgotten, when the retention of the namespace has passed.
	Outcome string `json:"outcome"`
	Summary string `json:"summary,omitempty"` // what it did, or why it failed
}
