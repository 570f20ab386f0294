// Package intake completes and checks the records that Go programs hand in, for
// the client and for its stand-in in tests alike.
package intake

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
)

// ErrInvalid says that a record has faults.
var ErrInvalid = errors.New("record is not valid")

// maxClusterName is what the column holds and a search attribute takes, in bytes.
const maxClusterName = 253

var (
	uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	kind = regexp.MustCompile(`^[A-Z][A-Za-z]{0,62}$`)
)

// CheckCluster checks the name of a cluster.
func CheckCluster(cluster string) error {
	switch {
	case cluster == "":
		return errors.New("cluster: is required")
	case len(cluster) > maxClusterName:
		return fmt.Errorf("cluster: is %d bytes long, at most %d", len(cluster), maxClusterName)
	}
	return nil
}

// Complete returns the record with its identity and with what follows from other
// fields, or [ErrInvalid] with all its faults, which quote nothing of it.
func Complete(r audit.Record, cluster string, redactor *redact.Redactor) (audit.Record, error) {
	var faults []error
	require := func(ok bool, field, rule string) {
		if !ok {
			faults = append(faults, fmt.Errorf("%s: %s", field, rule))
		}
	}
	require(r.Cluster == "" || r.Cluster == cluster, "cluster", "is not the one this client records; leave it out")
	// Both become part of the workflow's id, which lies in clear for ever: so they
	// must look like what they are.
	require(uuid.MatchString(r.ExecutionUID), "execution_uid", "must be a UUID in lower case")
	require(kind.MatchString(r.Source) && redactor.Name(r.Source) == r.Source, "source", "must be a kind, as in Backup")
	id := audit.ID(cluster, r.ExecutionUID)
	require(r.ID == "" || r.ID == id, "id", "is not that of this record; leave it out")
	checkOurs(&r, require)
	for _, t := range []struct {
		field string
		at    time.Time
	}{{"start_time", r.StartTime}, {"end_time", r.EndTime}, {"completed_at", r.CompletedAt}} {
		year := t.at.UTC().Year() // others cannot be written down
		require(year >= 0 && year <= 9999, t.field, "must lie in the years 0 to 9999")
	}
	r.Cluster, r.ID = cluster, id
	fill(&r)
	if r.Source == "" {
		r.Source = "-" // its fault is told
	}
	if err := r.Validate(); err != nil {
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return audit.Record{}, fmt.Errorf("%w:\n%w", ErrInvalid, err)
	}
	return r, nil
}

// checkOurs refuses what auditflow writes: it would be taken for its word.
func checkOurs(r *audit.Record, require func(bool, string, string)) {
	const rule = "is written by auditflow; leave it out"
	require(len(r.Redactions) == 0, "redactions", rule)
	require(len(r.Notes) == 0, "notes", rule)
	require(r.RecordSHA256 == "", "record_sha256", rule)
	require(r.DeliveredBy == "", "delivered_by", rule)
	require(r.Policy == "", "policy", rule)
}

// fill adds what follows from other fields, as the Kubernetes door tells it.
func fill(r *audit.Record) {
	switch {
	case r.Phase != "":
	case r.Success:
		r.Phase = "Completed"
	default:
		r.Phase = "Failed"
	}
	if r.CompletedAt.IsZero() {
		r.CompletedAt = r.EndTime
	}
	if r.Duration == nil && !r.StartTime.IsZero() && !r.EndTime.IsZero() && !r.EndTime.Before(r.StartTime) {
		d := r.EndTime.Sub(r.StartTime)
		r.Duration = &d
	}
}
