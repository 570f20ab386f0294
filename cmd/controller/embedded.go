package main

import (
	"context"
	"fmt"
	"strconv"

	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/auditflow/auditflow/cmd/internal/work"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/daemon"
)

// flagEmbedded names the configuration of a worker to run in this process.
const flagEmbedded = "embedded-worker"

// loadEmbedded reads it, if the flag is given, and reports all its faults and
// where it contradicts the controller's own configuration.
func loadEmbedded(r *config.Reader, own daemon.Common) (*work.Settings, error) {
	path := r.Flags[flagEmbedded]
	if path == "" {
		return nil, nil
	}
	theirs := &config.Reader{Env: r.Env}
	s, err := work.Load(path, theirs)
	if err == nil {
		agree(theirs, own, s.Common())
		if s.Versioned() { // a delivery that begins in the process that starts it asks no version
			theirs.Fault("worker.deployment", "means nothing to a worker in the controller's process")
		}
		err = theirs.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("--%s %s: %w", flagEmbedded, path, err)
	}
	return &s, nil
}

// agree reports what must be the same where one process is both: it has one
// connection to Temporal, one sealer and one redactor.
func agree(r *config.Reader, own, theirs daemon.Common) {
	for _, same := range []struct{ field, own, theirs string }{
		{"temporal.address", own.Temporal.Address, theirs.Temporal.Address},
		{"temporal.namespace", own.Temporal.Namespace, theirs.Temporal.Namespace},
		{"keyset_file", own.KeysetFile, theirs.KeysetFile},
		{"keyset_kms_uri", own.KeysetKMSURI, theirs.KeysetKMSURI},
		{"keyset_kms_token_file", own.KeysetKMSTokenFile, theirs.KeysetKMSTokenFile},
		{"keyset_kms_ca_file", own.KeysetKMSCAFile, theirs.KeysetKMSCAFile},
		{"token_keyset_file", own.TokenKeysetFile, theirs.TokenKeysetFile},
		{"redaction_policy_file", own.RedactionPolicyFile, theirs.RedactionPolicyFile},
		{"temporal.api_key_file", own.Temporal.APIKeyFile, theirs.Temporal.APIKeyFile},
		{"temporal.tls.enabled", strconv.FormatBool(own.Temporal.TLS.Enabled), strconv.FormatBool(theirs.Temporal.TLS.Enabled)},
		{"temporal.tls.ca_file", own.Temporal.TLS.CAFile, theirs.Temporal.TLS.CAFile},
		{"temporal.tls.cert_file", own.Temporal.TLS.CertFile, theirs.Temporal.TLS.CertFile},
		{"temporal.tls.key_file", own.Temporal.TLS.KeyFile, theirs.Temporal.TLS.KeyFile},
		{"temporal.tls.server_name", own.Temporal.TLS.ServerName, theirs.Temporal.TLS.ServerName},
	} {
		if same.own != same.theirs {
			r.Fault(same.field, "is %q, but the controller's is %q", same.theirs, same.own)
		}
	}
}

// embedded is the worker in this process; the zero value is none.
type embedded struct{ worker *work.Worker }

func openEmbedded(ctx context.Context, s *work.Settings, m work.Means) (embedded, error) {
	if s == nil {
		return embedded{}, nil
	}
	w, err := work.Open(ctx, *s, m)
	return embedded{w}, err
}

// client is for [workflows.Starter.Eager].
func (e embedded) client() func() client.Client {
	if e.worker == nil {
		return nil
	}
	return e.worker.Client
}

// Ready says why the worker does not work; nil when there is none.
func (e embedded) Ready(ctx context.Context) error {
	if e.worker == nil {
		return nil
	}
	return e.worker.Ready(ctx)
}

// Close gives back what the worker took.
func (e embedded) Close() {
	if e.worker != nil {
		e.worker.Close()
	}
}

// around runs the controller with the worker around it: the worker drains when
// the controller has stopped, so that what that has started last is finished.
// Leading or not makes no difference to it. When either fails, both end.
func (e embedded) around(ctx context.Context, controller func(context.Context) error) error {
	if e.worker == nil {
		return controller(ctx)
	}
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer stop()
		return controller(ctx)
	})
	group.Go(func() error { return e.worker.Run(working) })
	return group.Wait()
}
