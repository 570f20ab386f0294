package httpapi

import (
	"cmp"
	"encoding/json"
	"regexp"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// defaultSource is the kind this endpoint is named after.
const defaultSource = "KubernetesExecution"

// ChangeReceived is the change of a note: the record told no time at all, so its
// created_at is when it was received.
const ChangeReceived = "time_of_receipt"

var (
	uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	kind = regexp.MustCompile(`^[A-Z][A-Za-z]{0,62}$`)
)

// complete makes of what was posted a record as the other door would, and
// reports all its faults. Source and UID become part of the workflow's id, which
// lies in clear for ever: so they must look like what they are.
func (d *door) complete(r *audit.Record) *Problem {
	var faults []Fault
	require := func(ok bool, field, rule string) {
		if !ok {
			faults = append(faults, Fault{field, rule})
		}
	}
	r.Cluster = cmp.Or(r.Cluster, d.cluster)
	require(r.Cluster == d.cluster, "cluster", "is not the one this service records; leave it out")
	r.Source = cmp.Or(r.Source, defaultSource)
	require(kind.MatchString(r.Source) && d.starter.Redactor.Name(r.Source) == r.Source, "source", "must be a kind, as in KubernetesExecution")
	require(r.ExecutionUID == "" || uuid.MatchString(r.ExecutionUID), "execution_uid", "must be a UUID in lower case")
	forgetZeros(r)
	fillPhase(r)
	d.fillCreated(r)

	claimed := r.ID
	r.ID = identity(r)
	require(claimed == "" || claimed == r.ID, "id", "is not that of this record; leave it out")
	if err := r.Validate(); err != nil {
		faults = append(faults, faultsOf(err)...)
	}
	return problemOf(faults)
}

// forgetZeros takes for unknown what clients with the types of the seed cannot
// leave out: an exit code where no Job is named, a duration without its times.
func forgetZeros(r *audit.Record) {
	if r.JobExitCode != nil && *r.JobExitCode == 0 && r.JobName == "" && r.JobPodName == "" {
		r.JobExitCode = nil
	}
	if r.Duration != nil && *r.Duration == 0 && (r.StartTime.IsZero() || r.EndTime.IsZero()) {
		r.Duration = nil
	}
}

func fillPhase(r *audit.Record) {
	switch {
	case r.Phase != "":
	case r.Success:
		r.Phase = "Completed"
	default:
		r.Phase = "Failed"
	}
}

// fillCreated gives a record that does not tell when its execution was created
// the earliest time it does tell, else the time of receipt, with a note.
func (d *door) fillCreated(r *audit.Record) {
	for _, t := range []time.Time{r.StartTime, r.EndTime, r.CompletedAt} {
		if r.CreatedAt.IsZero() {
			r.CreatedAt = t
		}
	}
	if r.CreatedAt.IsZero() {
		r.CreatedAt = d.now().UTC().Truncate(time.Microsecond)
		r.Notes = []audit.Note{{Change: ChangeReceived, Path: "created_at", Count: 1}}
	}
}

func received(r audit.Record) bool {
	return len(r.Notes) > 0 && r.Notes[0].Change == ChangeReceived
}

// identity is that of the execution: its UID, or its natural key where the
// client knows none. The key is written as a JSON array, which no UID is. Names
// are reused, so created_at belongs to it; the time of receipt does not, which a
// client that tries again would change. It can never change: rows have it.
func identity(r *audit.Record) string {
	if r.ExecutionUID != "" {
		return audit.ID(r.Cluster, r.ExecutionUID)
	}
	created := ""
	if !received(*r) {
		created = r.CreatedAt.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
	}
	key, err := json.Marshal([]any{r.ExecutionNamespace, r.ExecutionID, r.WorkflowRef, r.StepIndex, created})
	if err != nil {
		panic("httpapi: the natural key is no JSON: " + err.Error()) // it is strings and a number
	}
	return audit.ID(r.Cluster, string(key))
}
