package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/custody"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/client/internal/intake"
	"github.com/auditflow/auditflow/workflows"
)

// Config says how records are handed over. Temporal, KeysetFile and Cluster are
// required; files mean what they mean in the configuration of auditflow's own
// programs.
type Config struct {
	// Temporal is a client as go.temporal.io/sdk/client makes it, lazy or not. Its
	// connection is used, and stays its owner's to close; its namespace and data
	// converter are not, for auditflow's workers have theirs.
	Temporal client.Client
	// Namespace is that of auditflow's workers. Default "default".
	Namespace string
	// Cluster names the cluster, or else the installation, whose executions are
	// recorded, in at most 253 bytes. Part of every record's identity: never
	// change it.
	Cluster string
	// Timeout is how long one Deliver may take at most. Default 10 s.
	Timeout time.Duration
	// BatchSize is the most records in one workflow when they come faster than
	// Temporal takes them, 1 to 150. 1 is strictly one workflow per record. A lone
	// record goes at once, whatever it is. Default 100.
	BatchSize int
	// Log is told what becomes of the keyset file. Default: nobody is.
	Log *slog.Logger

	// KeysetFile holds the keys that seal records: the workers' own. A change of it
	// needs no restart.
	KeysetFile string
	// KeysetKMSURI names the key that encrypts KeysetFile and TokenKeysetFile, with
	// KeysetKMSTokenFile for the token and KeysetKMSCAFile for certificates.
	// Default: they are in clear.
	KeysetKMSURI       string
	KeysetKMSTokenFile string
	KeysetKMSCAFile    string
	// TokenKeysetFile holds the key for a policy with tokens: keyed.
	TokenKeysetFile string
	// RedactionPolicyFile says what is masked in the names that Temporal shows in
	// clear: the workers' own. Default: the built-in rules.
	RedactionPolicyFile string
}

// Client delivers records. It is safe for concurrent use.
type Client struct {
	cfg      Config
	sealer   *seal.Sealer
	redactor *redact.Redactor

	turn   chan struct{} // holds one value while somebody uses what is below
	closed bool
	own    client.Client // of our namespace, over the connection of cfg.Temporal
	to     starter       // nil until Temporal was there once
}

// starter returns once Temporal has a record durably.
type starter interface {
	Start(ctx context.Context, r audit.Record) (workflows.Delivery, error)
}

// New reads keyset and policy; whether Temporal is there, [Client.Deliver] finds
// out. All faults come back together, each with its field as configuration files
// call it (keyset_file). The client watches its keyset until it is closed.
func New(cfg Config) (*Client, error) {
	var faults []error
	if cfg.Temporal == nil {
		faults = append(faults, errors.New("temporal: is required"))
	}
	if err := intake.CheckCluster(cfg.Cluster); err != nil {
		faults = append(faults, err)
	}
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	cfg.Timeout = cmp.Or(cfg.Timeout, 10*time.Second)
	if cfg.Timeout < 0 {
		faults = append(faults, errors.New("timeout: must not be negative"))
	}
	if cfg.BatchSize < 0 || cfg.BatchSize > workflows.MaxBatchRecords {
		faults = append(faults, fmt.Errorf("batch_size: must be from 1 to %d", workflows.MaxBatchRecords))
	}
	sealer, redactor, err := custody.Open(custody.Config{
		KeysetFile: cfg.KeysetFile, KeysetKMSURI: cfg.KeysetKMSURI, KeysetKMSTokenFile: cfg.KeysetKMSTokenFile,
		KeysetKMSCAFile: cfg.KeysetKMSCAFile, TokenKeysetFile: cfg.TokenKeysetFile, RedactionPolicyFile: cfg.RedactionPolicyFile,
	}, cfg.Log)
	if err := errors.Join(append(faults, err)...); err != nil {
		if sealer != nil {
			sealer.Close()
		}
		return nil, fmt.Errorf("audit client: %w", err)
	}
	return &Client{cfg: cfg, sealer: sealer, redactor: redactor, turn: make(chan struct{}, 1)}, nil
}

// Deliver returns once Temporal has the record durably, or fails within
// [Config.Timeout]: see [Retriable]. No error holds content of the record.
//
// The record tells its execution by ExecutionUID, a UUID, and Source, a kind such
// as Backup; whoever has a key of another form makes a UUID of it, as in
// audit.ID("orders", "4711"). Cluster and ID are filled in, as are what follows
// from other fields: Phase (Completed or Failed), Duration, CompletedAt. Of the
// others, ExecutionID, ActionType and CreatedAt are required. What auditflow
// writes itself (Redactions, Notes, RecordSHA256, DeliveredBy, Policy) is refused.
//
// CreatedAt is part of the row's identity: it must be the same whenever the same
// execution is delivered. Take it from the object, never from a clock.
func (c *Client) Deliver(ctx context.Context, r audit.Record) (Delivery, error) {
	r, err := intake.Complete(r, c.cfg.Cluster, c.redactor)
	if err != nil {
		return Delivery{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	to, err := c.connected(ctx)
	if err != nil {
		return Delivery{}, startError(ctx, r.ID, err)
	}
	started, err := to.Start(ctx, r)
	if err != nil {
		return Delivery{}, startError(ctx, r.ID, err)
	}
	return NewDelivery(r.ID, started.ID(), func(ctx context.Context) (audit.Receipt, error) {
		return await(ctx, started, r.ID)
	}), nil
}

// connected is the starter, made when Temporal is there for the first time: the
// SDK shares a connection only then. One caller tries, the others wait for it as
// long as they have time.
func (c *Client) connected(ctx context.Context) (starter, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c.closed {
		return nil, ErrClosed
	}
	if c.to != nil {
		return c.to, nil
	}
	own, err := client.NewClientFromExistingWithContext(ctx, c.cfg.Temporal, client.Options{
		Namespace: c.cfg.Namespace, Logger: sdklog.NewStructuredLogger(c.cfg.Log),
	})
	if err != nil {
		return nil, fmt.Errorf("connect to Temporal: %w", err)
	}
	c.own, c.to = own, workflows.NewBatcher(
		&workflows.Starter{Client: own, Sealer: c.sealer, Redactor: c.redactor},
		workflows.BatchConfig{Size: c.cfg.BatchSize, Wait: c.cfg.Timeout})
	return c.to, nil
}

// Close ends the watch over the keyset; from then on nothing is delivered. What
// was delivered is safe. It does not close [Config.Temporal]. Closing twice is
// harmless.
func (c *Client) Close() {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	if c.closed {
		return
	}
	c.closed = true
	c.sealer.Close()
	if c.own != nil {
		c.own.Close()
	}
}
