package activities

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/internal/failpoint"
)

// Appender stores records. With an error, some may be stored: append them all
// again, which is harmless. [github.com/auditflow/auditflow/store/postgres.Store]
// is the one that ships.
type Appender interface {
	// Append returns one receipt for each record, in their order; a record that
	// cannot be stored fails none of the others but is quarantined. The text of
	// its errors goes into Temporal's history as it is, so it must quote nothing
	// of a record.
	Append(ctx context.Context, records []audit.Record) ([]audit.Receipt, error)
}

// Deliver holds the steps of a delivery. All fields are required. It must
// not be copied once it is used.
type Deliver struct {
	Sealer   *seal.Sealer
	Redactor *redact.Redactor
	Store    Appender
	// ErrorClass names the store's error in one of few words, for the metric's
	// label and the failure's type.
	ErrorClass func(error) string
	Metrics    *Metrics

	redactions redactions
	mask       func(audit.Record) audit.Record // for tests: before the redactor's; nil: none
}

// Delivered tells what became of an envelope. It is the workflow's result and
// so lies in clear in Temporal: identities and counts, no content.
type Delivered struct {
	Rows []audit.Receipt `json:"rows"`
	// Redactions counts what was masked, by rule.
	Redactions map[string]int `json:"redactions,omitempty"`
	// Policy is the version of the redaction policy that was applied; empty when
	// a release did it that did not note it.
	Policy string `json:"policy"`
	// Apart are the records of a batch, by their places, that went on alone, each
	// as the workflow of this id; their rows are empty here.
	Apart map[int]string `json:"apart,omitempty"`
}

// Of is what became of one record of several.
func (d Delivered) Of(place int) Delivered {
	return Delivered{Rows: d.Rows[place : place+1], Policy: d.Policy}
}

// Masked is how many places were masked, over all rules.
func (d Delivered) Masked() (n int) {
	for _, count := range d.Redactions {
		n += count
	}
	if d.Redactions == nil { // of one record of several nobody tells the rules
		for _, row := range d.Rows {
			n += row.Masked
		}
	}
	return n
}

// Redact turns an envelope of observed records into one of redacted records:
// normalised, masked, digested. The same envelope always gives the same records.
//
// If it may go through, it appends them as well, once; [Passed] tells what came of it.
// So a healthy delivery is one step, and what was redacted is not stored by Temporal.
//
// Once the attempt's time is over it returns; what it has begun goes on, for
// nothing can stop it, and counts as one of [MaxRedactions] until it ends. An
// attempt that comes meanwhile waits for it and begins nothing.
func (d *Deliver) Redact(ctx context.Context, envelope []byte, through bool) (passed converter.RawValue, err error) {
	defer func() { d.Metrics.failed(stepRedact, d.errorType(err)) }()
	defer contain(&err)
	workflowID := activity.GetInfo(ctx).WorkflowExecution.ID
	records, err := d.redacted(ctx, envelope, workflowID)
	if err != nil {
		return passed, err
	}
	if through {
		if done, ok := d.persistAtOnce(ctx, records); ok {
			return pass(done)
		}
	}
	redacted, err := d.Sealer.Seal(records, seal.Redacted, workflowID)
	if err != nil {
		return passed, d.failure("seal the redacted envelope", err)
	}
	return pass(redacted)
}

// redacted waits for the redaction of an envelope. Others may have got the same records:
// they must not be changed.
func (d *Deliver) redacted(ctx context.Context, envelope []byte, workflowID string) ([]audit.Record, error) {
	about := redactionKey{workflowID, sha256.Sum256(envelope)}
	going, err := d.redactions.join(ctx, about, func() ([]audit.Record, error) { return d.redact(envelope, workflowID) })
	if err != nil {
		return nil, d.failure(fmt.Sprintf("wait for one of %d redactions to end", MaxRedactions), err)
	}
	select {
	case <-going.done:
		return going.records, going.err
	case <-ctx.Done():
		return nil, d.failure("wait for the redaction to end", ctx.Err())
	}
}

func (d *Deliver) redact(envelope []byte, workflowID string) (records []audit.Record, err error) {
	defer contain(&err)
	if records, err = d.Sealer.Open(envelope, seal.Observed, workflowID); err != nil {
		return nil, d.failure("open the observed envelope", err)
	}
	for i, r := range records {
		records[i] = d.redactRecord(r, workflowID)
	}
	failpoint.Hit("deliver.redacted")
	return records, nil
}

func (d *Deliver) redactRecord(r audit.Record, workflowID string) audit.Record {
	if d.mask != nil {
		r = d.mask(r)
	}
	return Redacted(d.Redactor, r, workflowID)
}

// MaxRedactions is how many redactions a process computes at once, those whose
// attempt has been given up included. Temporal counts attempts: it takes the
// next when one is out of time, so that without a bound of our own a few slow
// records, tried again and again, would take all memory and processors. More
// than a machine has processors, lest slow ones hold up the others.
const MaxRedactions = 64

// redactions are those that are being computed. The zero value is ready.
type redactions struct {
	mu    sync.Mutex
	going map[redactionKey]*redaction
	ended chan struct{} // closed and replaced when one has ended
}

// redactionKey tells redactions apart: attempts of one workflow have the same envelope.
type redactionKey struct {
	workflowID string
	envelope   [sha256.Size]byte
}

// redaction is one computation; its results may be read when done is closed.
type redaction struct {
	done    chan struct{}
	records []audit.Record
	err     error
}

// join returns the redaction of this key that is going on, else it begins one,
// as soon as there is room for it. It fails when ctx ends before.
func (r *redactions) join(ctx context.Context, key redactionKey, compute func() ([]audit.Record, error)) (*redaction, error) {
	for {
		going, ended := r.tryJoin(key, compute)
		if going != nil {
			return going, nil
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (r *redactions) tryJoin(key redactionKey, compute func() ([]audit.Record, error)) (going *redaction, ended <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.going == nil {
		r.going, r.ended = map[redactionKey]*redaction{}, make(chan struct{})
	}
	going = r.going[key]
	if going == nil && len(r.going) < MaxRedactions {
		going = &redaction{done: make(chan struct{})}
		r.going[key] = going
		go r.run(key, going, compute)
	}
	return going, r.ended
}

// run computes and makes room. compute must not panic: here, nobody would catch it.
func (r *redactions) run(key redactionKey, going *redaction, compute func() ([]audit.Record, error)) {
	going.records, going.err = compute()
	close(going.done)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.going, key)
	close(r.ended)
	r.ended = make(chan struct{})
}

// Persist appends the records of a redacted envelope. It refuses an envelope
// that did not come from [Deliver.Redact]: the seal binds the stage.
func (d *Deliver) Persist(ctx context.Context, redacted []byte) (done Delivered, err error) {
	start := time.Now()
	defer func() { d.Metrics.attempt(time.Since(start), d.errorType(err)) }()
	defer contain(&err) // runs before the line above, which counts a panic as a failure

	records, err := d.Sealer.Open(redacted, seal.Redacted, activity.GetInfo(ctx).WorkflowExecution.ID)
	if err != nil {
		return Delivered{}, d.failure("open the redacted envelope", err)
	}
	return d.append(ctx, records)
}

// append stores records that are redacted.
func (d *Deliver) append(ctx context.Context, records []audit.Record) (Delivered, error) {
	receipts, err := d.Store.Append(ctx, records)
	if err != nil {
		return Delivered{}, d.failure("append to the store", err)
	}
	failpoint.Hit("deliver.persisted") // the rows are committed, and nobody knows
	for i := range receipts {
		receipts[i].Masked = records[i].Masked()
	}
	d.Metrics.stored(time.Now(), records, receipts)
	tellOdd(activity.GetLogger(ctx), receipts)
	activity.GetLogger(ctx).Debug("records appended", "records", len(receipts))
	return Delivered{Rows: receipts, Redactions: countByRule(records), Policy: policyOf(records)}, nil
}

// policyOf is the policy of all records of an envelope, which were redacted in
// one go; maybe not by this process, whose policy may be another one.
func policyOf(records []audit.Record) string {
	if len(records) == 0 {
		return ""
	}
	return records[0].Policy
}

func countByRule(records []audit.Record) map[string]int {
	var counts map[string]int
	for _, r := range records {
		for _, m := range r.Redactions {
			if counts == nil {
				counts = map[string]int{}
			}
			counts[m.Rule] += m.Count
		}
	}
	return counts
}
