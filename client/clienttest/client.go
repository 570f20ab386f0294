package clienttest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/client"
	"github.com/auditflow/auditflow/client/internal/intake"
	"github.com/auditflow/auditflow/workflows"
)

// Client keeps records in memory. The zero value is ready; it is safe for
// concurrent use and must not be copied.
type Client struct {
	// Cluster is as in [client.Config]. Default "test".
	Cluster string
	// Redactor masks as in production. Default: the built-in rules; for those of a
	// policy file see packages redact and policy.
	Redactor *redact.Redactor

	mu      sync.Mutex
	away    int              // outages that have not ended
	behind  int              // backlogs that have not ended
	rows    []audit.Record   // committed, in that order
	pending []*pendingRecord // delivered during a backlog
}

var _ client.Deliverer = (*Client)(nil)

// pendingRecord is delivered, its row is not committed.
type pendingRecord struct {
	record    audit.Record
	committed chan struct{} // closed when receipt is set
	receipt   audit.Receipt
}

// errAway is what an outage shows.
var errAway = errors.New("an outage that the test has asked for")

// Deliver keeps the record as it would be stored. Its errors are those of
// [client.Client.Deliver].
//
// The second delivery of an execution gets the receipt duplicate, or conflict if
// the record is another one: the first one stays. The client tells the same once
// Temporal has forgotten the first delivery, and until then the first receipt.
func (c *Client) Deliver(ctx context.Context, r audit.Record) (client.Delivery, error) {
	redactor := c.Redactor
	if redactor == nil {
		redactor = redact.New()
	}
	r, err := intake.Complete(r, cmp.Or(c.Cluster, "test"), redactor)
	if err != nil {
		return client.Delivery{}, err
	}
	workflowID := workflows.DeliveryOfRecord(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil || c.away > 0 {
		return client.Delivery{}, fmt.Errorf("deliver %s: %w: %w", r.ID, client.ErrUnavailable, cmp.Or(err, errAway))
	}
	p := c.take(activities.Redacted(redactor, r, workflowID))
	return client.NewDelivery(r.ID, workflowID, p.wait), nil
}

// take joins the delivery that is pending, as Temporal does, or begins another.
func (c *Client) take(r audit.Record) *pendingRecord {
	for _, p := range c.pending {
		if p.record.ID == r.ID {
			return p
		}
	}
	p := &pendingRecord{record: r, committed: make(chan struct{})}
	if c.behind > 0 {
		c.pending = append(c.pending, p)
	} else {
		c.commit(p)
	}
	return p
}

// commit decides as the primary key does.
func (c *Client) commit(p *pendingRecord) {
	p.receipt = audit.Receipt{
		ID: p.record.ID, Outcome: audit.OutcomeStored,
		Partition: "kubernetes_execution_audit_" + audit.PeriodOf(audit.Monthly, p.record.CreatedAt).Suffix(),
		Masked:    p.record.Masked(),
	}
	for _, row := range c.rows {
		if row.ID != p.record.ID {
			continue
		}
		p.receipt.Outcome = audit.OutcomeConflict
		if row.RecordSHA256 == p.record.RecordSHA256 {
			p.receipt.Outcome = audit.OutcomeDuplicate
		}
	}
	if p.receipt.Outcome == audit.OutcomeStored {
		c.rows = append(c.rows, p.record)
	}
	close(p.committed)
}

func (p *pendingRecord) wait(ctx context.Context) (audit.Receipt, error) {
	select {
	case <-p.committed:
		return p.receipt, nil
	default: // what is committed is told whether or not there is time to wait
	}
	select {
	case <-p.committed:
		return p.receipt, nil
	case <-ctx.Done():
		return audit.Receipt{}, fmt.Errorf("wait for %s: %w: %w", p.record.ID, client.ErrUnavailable, ctx.Err())
	}
}

// Outage has every Deliver fail with [client.ErrUnavailable], as when Temporal is
// away, until end is called.
func (c *Client) Outage() (end func()) { return c.during(&c.away, func() {}) }

// Backlog has deliveries taken but no rows committed, as when PostgreSQL is away,
// until end is called: Wait waits.
func (c *Client) Backlog() (end func()) {
	return c.during(&c.behind, func() {
		for _, p := range c.pending {
			c.commit(p)
		}
		c.pending = nil
	})
}

// during counts a trouble that lasts until end is called, once or more often.
func (c *Client) during(troubles *int, over func()) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*troubles++
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if *troubles--; *troubles == 0 {
			over()
		}
	})
}

// Records are all rows, in the order in which they were committed.
func (c *Client) Records() []audit.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.rows)
}

// Find is the row of an execution, by its UID.
func (c *Client) Find(uid string) (row audit.Record, found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.rows, func(r audit.Record) bool { return r.ExecutionUID == uid })
	if i < 0 {
		return audit.Record{}, false
	}
	return c.rows[i], true
}
