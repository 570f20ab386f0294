package audit

import (
	"encoding/json"
	"time"
)

// Record is what is kept of one execution. Field names, JSON names and units
// are those of the seed (section 3); the fields after Phase are ours.
//
// Unknown is never written as zero: nullable fields are pointers, or times and
// strings whose zero value means "not known". Times are UTC with microsecond
// precision once normalised.
type Record struct {
	// ID is the row's identity, see [ID].
	ID string `json:"id"`
	// ExecutionID is the name of the execution object (at most 255 runes).
	// Names are reused; ExecutionUID is not.
	ExecutionID string `json:"execution_id"`

	WorkflowRef string `json:"workflow_ref"`
	StepIndex   int32  `json:"step_index"`

	ActionType string `json:"action_type"`
	// ActionParameters is any JSON value; empty means none were given.
	ActionParameters json.RawMessage `json:"action_parameters,omitempty"`

	TargetNamespace    string `json:"target_namespace,omitempty"`
	TargetResourceKind string `json:"target_resource_kind,omitempty"`
	TargetResourceName string `json:"target_resource_name,omitempty"`

	Success bool   `json:"success"`
	Output  string `json:"output,omitempty"`
	Error   string `json:"error,omitempty"`
	// StartTime and EndTime are zero when the execution never started or its
	// end is not known.
	StartTime time.Time `json:"start_time,omitzero"`
	EndTime   time.Time `json:"end_time,omitzero"`
	// Duration is EndTime-StartTime in nanoseconds; nil when either is unknown.
	Duration *time.Duration `json:"duration,omitempty"`

	JobName    string `json:"job_name,omitempty"`
	JobPodName string `json:"job_pod_name,omitempty"`
	// JobExitCode is the exit code of the container that decided the Job; nil
	// when unknown, with the reason in JobExitReason.
	JobExitCode      *int32         `json:"job_exit_code,omitempty"`
	JobResourceUsage *ResourceUsage `json:"job_resource_usage,omitempty"`

	RetryCount int32 `json:"retry_count"`
	MaxRetries int32 `json:"max_retries"`

	// CreatedAt is when the execution object was created. It never changes,
	// decides the partition, and is part of the primary key.
	CreatedAt time.Time `json:"created_at"`
	// CompletedAt comes from the object (end time, Job condition), never from
	// the clock of whoever writes; zero when the object does not tell.
	CompletedAt time.Time `json:"completed_at,omitzero"`
	Phase       string    `json:"phase"`

	// Cluster names the cluster the execution ran in.
	Cluster            string `json:"cluster"`
	ExecutionNamespace string `json:"execution_namespace,omitempty"`
	ExecutionUID       string `json:"execution_uid,omitempty"`
	// Source is the kind of the object the record was made from.
	Source string `json:"source"`
	// JobExitReason is the container's, pod's or Job's own reason (Completed,
	// OOMKilled, DeadlineExceeded, …) or why the exit code is not known
	// (JobNotFound, JobNotOwned, PodNotFound, …).
	JobExitReason string `json:"job_exit_reason,omitempty"`
	// JobSignal is the signal that ended the deciding container; nil when none
	// did or none is known.
	JobSignal *int32 `json:"job_signal,omitempty"`
	// ResourceUsageSource tells where JobResourceUsage was taken from; empty
	// when there is none.
	ResourceUsageSource string `json:"resource_usage_source,omitempty"`

	// Redactions lists what was masked, by rule and path; never the value.
	Redactions []Redaction `json:"redactions,omitempty"`
	// Notes lists what had to be changed so that the record can be stored.
	Notes []Note `json:"notes,omitempty"`

	// RecordSHA256 is the digest of the canonical redacted record, see
	// [Record.Digest]: 64 lower-case hexadecimal digits.
	RecordSHA256 string `json:"record_sha256,omitempty"`
	// DeliveredBy is the id of the workflow that delivered the record.
	DeliveredBy string `json:"delivered_by,omitempty"`
	// Policy is the version of the redaction policy that was applied (at most 64
	// runes); empty when that is not known. Who opens an envelope without knowing
	// this field drops it and thereby makes it unknown, which misleads nobody: it
	// did not need another version of the envelope's format.
	Policy string `json:"policy,omitempty"`
}

// ResourceUsage is what the deciding pod used, in the units of the seed.
type ResourceUsage struct {
	CPUMillicores int64 `json:"cpu_millicores"` // thousandths of a core
	MemoryBytes   int64 `json:"memory_bytes"`
}

// Redaction tells that a rule masked Count places under Path.
type Redaction struct {
	Rule string `json:"rule"`
	// Path is the record's JSON name, followed for action_parameters by the
	// keys that lead to the value, separated by dots: action_parameters.env.0
	Path  string `json:"path"`
	Count int    `json:"count"`
}

// Masked is how many places were masked, over all rules.
func (r Record) Masked() (n int) {
	for _, m := range r.Redactions {
		n += m.Count
	}
	return n
}

// Note tells that Count places under Path were changed by normalisation.
type Note struct {
	Change string `json:"change"` // one of the Change constants
	Path   string `json:"path"`
	Count  int    `json:"count"`
}

// Outcome is what became of a record that was appended.
type Outcome string

// A duplicate is the same record again; a conflict is the same id with other
// content, of which the first stays. What the table cannot hold is quarantined:
// kept whole elsewhere, to be replayed.
const (
	OutcomeStored      Outcome = "stored"
	OutcomeDuplicate   Outcome = "duplicate"
	OutcomeConflict    Outcome = "conflict"
	OutcomeQuarantined Outcome = "quarantined"
)

// Receipt says where a record is once its row is committed. It holds nothing
// of the record's content and may be shown to anybody.
type Receipt struct {
	ID        string  `json:"id"`        // empty when it is no UUID, hence at fault
	Partition string  `json:"partition"` // table that holds the row
	Outcome   Outcome `json:"outcome"`
	// Masked is how many places of the record were masked; 0, too, where a release
	// stored it that did not tell.
	Masked int `json:"masked,omitempty"`
}
