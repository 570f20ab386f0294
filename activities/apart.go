package activities

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/seal"
)

// Parted is what [Deliver.RedactEach] makes of a batch. It lies in clear in
// Temporal, but for the envelopes.
type Parted struct {
	// Records is how many there were.
	Records int `json:"records"`
	// Redacted is the envelope of those that could be redacted, in their order;
	// empty when none could.
	Redacted []byte `json:"redacted,omitempty"`
	// Apart are the others, in their order.
	Apart []Apart `json:"apart,omitempty"`
}

// Apart is a record that cannot be redacted with the others.
type Apart struct {
	Place      int       `json:"place"`       // in the batch
	ID         string    `json:"id"`          // of its row
	CreatedAt  time.Time `json:"created_at"`  // of its row
	WorkflowID string    `json:"workflow_id"` // of its own delivery
	Envelope   []byte    `json:"envelope"`    // for that delivery
	Why        string    `json:"why"`         // class of the failure
}

// recordPatience is what redacting one record of a batch may take. The largest
// takes well below a second; if a busy machine takes longer, the record goes
// alone and nothing else happens.
const recordPatience = 2 * time.Second

// RedactEach is [Deliver.Redact] for a batch in which something went wrong: each
// record is redacted by itself, and one that panics or takes too long is sealed
// again as it was, for a delivery of its own.
func (d *Deliver) RedactEach(ctx context.Context, envelope []byte) (parted Parted, err error) {
	defer func() { d.Metrics.failed(stepRedact, d.errorType(err)) }()
	defer contain(&err)
	workflowID := activity.GetInfo(ctx).WorkflowExecution.ID
	records, err := d.Sealer.Open(envelope, seal.Observed, workflowID)
	if err != nil {
		return Parted{}, d.failure("open the observed envelope", err)
	}
	parted.Records = len(records)
	var healthy []audit.Record
	for place, r := range records {
		redacted, fault := d.redactAlone(ctx, envelope, place, r, workflowID)
		if fault == nil {
			healthy = append(healthy, redacted)
			continue
		}
		if ctx.Err() != nil { // it is the attempt that is out of time
			return Parted{}, d.failure("wait for the redaction to end", ctx.Err())
		}
		apart, err := d.setApart(place, r, fault)
		if err != nil {
			return Parted{}, err
		}
		parted.Apart = append(parted.Apart, apart)
	}
	if len(healthy) == 0 {
		return parted, nil
	}
	if parted.Redacted, err = d.Sealer.Seal(healthy, seal.Redacted, workflowID); err != nil {
		return Parted{}, d.failure("seal the redacted envelope", err)
	}
	return parted, nil
}

// redactAlone redacts one record of a batch. What has begun may end in a later attempt.
func (d *Deliver) redactAlone(ctx context.Context, batch []byte, place int, r audit.Record, workflowID string) (audit.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	about := redactionKey{workflowID, sha256.Sum256(binary.BigEndian.AppendUint64(batch[:len(batch):len(batch)], uint64(place)))} //nolint:gosec // a place
	going, err := d.redactions.join(ctx, about, func() (records []audit.Record, err error) {
		defer contain(&err)
		return []audit.Record{d.redactRecord(r, workflowID)}, nil
	})
	if err != nil {
		return audit.Record{}, err
	}
	select {
	case <-going.done:
	case <-ctx.Done():
		return audit.Record{}, ctx.Err()
	}
	if going.err != nil {
		return audit.Record{}, going.err
	}
	return going.records[0], nil
}

func (d *Deliver) setApart(place int, r audit.Record, fault error) (Apart, error) {
	a := Apart{Place: place, ID: r.ID, CreatedAt: r.CreatedAt, WorkflowID: r.DeliveryID(), Why: d.errorClass(fault)}
	var failure *temporal.ApplicationError
	if errors.As(fault, &failure) {
		a.Why = failure.Type()
	}
	var err error
	if a.Envelope, err = d.Sealer.Seal([]audit.Record{r}, seal.Observed, a.WorkflowID); err != nil {
		return Apart{}, d.failure("seal the record by itself", err)
	}
	return a, nil
}
