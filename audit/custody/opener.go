package custody

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tink-crypto/tink-go/v2/core/registry"

	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/redact/policy"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/audit/seal/vault"
)

// opener opens one thing after the other and does not stop at a fault. What
// depends on something faulty is left out, so that each fault is told once.
type opener struct {
	cfg    Config
	report func(seal.Reload)
	fault  func(field string, err error)
}

func (o opener) open() (*seal.Sealer, *redact.Redactor) {
	kms, ok := o.kms()
	var sealer *seal.Sealer
	if ok {
		sealer = o.sealer(kms)
	}
	return sealer, o.redactor(kms, ok)
}

// kms are the clients for the KMS, none without one; not ok if nothing can be
// decrypted with them.
func (o opener) kms() (clients []registry.KMSClient, ok bool) {
	c := o.cfg
	if c.KeysetKMSURI == "" {
		for _, unused := range []struct{ field, file string }{
			{"keyset_kms_token_file", c.KeysetKMSTokenFile}, {"keyset_kms_ca_file", c.KeysetKMSCAFile},
		} {
			if unused.file != "" {
				o.fault(unused.field, errors.New("is for keyset_kms_uri, which is not given"))
			}
		}
		return nil, true
	}
	ok = true
	refuse := func(field string, err error) {
		o.fault(field, err)
		ok = false
	}
	// The zero client can tell whether a URI is one of its own, and do no more.
	if _, err := seal.KEK(c.KeysetKMSURI, []registry.KMSClient{new(vault.Client)}); err != nil {
		refuse("keyset_kms_uri", err)
	}
	if c.KeysetKMSTokenFile == "" {
		refuse("keyset_kms_token_file", errors.New("is required with keyset_kms_uri"))
		return nil, false
	}
	if _, err := os.Stat(c.KeysetKMSTokenFile); err != nil { // which else every keyset would be blamed for
		refuse("keyset_kms_token_file", err)
	}
	client, err := vault.New(vault.Config{TokenFile: c.KeysetKMSTokenFile, CAFile: c.KeysetKMSCAFile})
	if err != nil {
		refuse("keyset_kms_ca_file", err)
	}
	return []registry.KMSClient{client}, ok
}

func (o opener) keyset(file string, kms []registry.KMSClient) seal.Config {
	return seal.Config{File: file, KMSURI: o.cfg.KeysetKMSURI, KMS: kms, Report: o.report}
}

func (o opener) sealer(kms []registry.KMSClient) *seal.Sealer {
	if o.cfg.KeysetFile == "" {
		o.fault("keyset_file", errRequired)
		return nil
	}
	sealer, err := seal.New(o.keyset(o.cfg.KeysetFile, kms))
	if err != nil {
		o.fault("keyset_file", err)
		return nil
	}
	return sealer
}

func (o opener) redactor(kms []registry.KMSClient, kmsIsGood bool) *redact.Redactor {
	token := o.token(kms, kmsIsGood)
	options, err := o.policy(token)
	if err != nil {
		o.fault("redaction_policy_file", err)
		return nil
	}
	if token != nil && !options.Keyed {
		// Somebody expects tokens and would find out that there are none by looking
		// for them in the records of months.
		o.fault("token_keyset_file", errors.New("nothing uses it: the redaction policy does not say tokens: keyed"))
	}
	redactor, err := redact.NewWith(options)
	if err != nil {
		o.fault("redaction_policy_file", err)
		return nil
	}
	return redactor
}

// token computes tokens; it is nil without a key. A key that is faulty is no
// fault of the policy that wants it, so there is a function all the same.
func (o opener) token(kms []registry.KMSClient, kmsIsGood bool) func([]byte) ([]byte, error) {
	if o.cfg.TokenKeysetFile == "" {
		return nil
	}
	unusable := func([]byte) ([]byte, error) { return nil, errors.New("the key for tokens is faulty") }
	if !kmsIsGood {
		return unusable
	}
	tokens, err := seal.LoadTokens(o.keyset(o.cfg.TokenKeysetFile, kms))
	if err != nil {
		o.fault("token_keyset_file", err)
		return unusable
	}
	return tokens.Sum
}

// policy reads the policy; without a file it is the built-in one. Each line of
// the error is a fault.
func (o opener) policy(token func([]byte) ([]byte, error)) (redact.Options, error) {
	path := o.cfg.RedactionPolicyFile
	if path == "" {
		return redact.Options{}, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return redact.Options{}, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	text, err := io.ReadAll(io.LimitReader(file, policy.MaxSize+1))
	if err != nil {
		return redact.Options{}, err
	}
	options, err := policy.Parse(text, token)
	if err != nil {
		return redact.Options{}, prefixed(path, err)
	}
	return options, nil
}

// prefixed puts the path before each fault in place of a headline.
func prefixed(path string, err error) error {
	var faults []error
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "redaction policy:"))
		if line != "" {
			faults = append(faults, fmt.Errorf("%s: %s", path, line))
		}
	}
	return errors.Join(faults...)
}
