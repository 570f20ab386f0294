package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/redact/policy"
	"github.com/auditflow/auditflow/audit/seal"
)

// policyFlags say by which rules to redact.
type policyFlags struct {
	file, tokens string
	kms          kms
}

func (f *policyFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "policy", "", "redaction policy (YAML), see docs/redaction.md; default: the built-in rules")
	cmd.Flags().StringVar(&f.tokens, "token-keyset", "", "keyset for the tokens of a policy that has tokens: keyed")
	f.kms.flags(cmd)
}

// redactor makes what the flags say. Trying a policy takes no key: that of the
// tokens belongs into few hands.
func (p *program) redactor(f *policyFlags) (*redact.Redactor, error) {
	if f.file == "" {
		if f.tokens != "" {
			return nil, usage("--token-keyset is for a policy that has tokens: keyed, and there is no --policy")
		}
		return redact.New(), nil
	}
	text, err := policyText(f.file)
	if err != nil {
		return nil, err
	}
	options, err := policy.Parse(text, zeroes)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", f.file, err)
	case f.tokens != "" && !options.Keyed:
		return nil, usage("%s does not have tokens: keyed, so nothing would use --token-keyset", f.file)
	case f.tokens != "":
		if options.Token, err = f.token(); err != nil {
			return nil, err
		}
	case options.Keyed:
		options.Keyed = false
		p.tell("%s has tokens: keyed; without --token-keyset masks have no tokens, and the policy counts as another version.", f.file)
	}
	return redact.NewWith(options)
}

func policyText(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	return io.ReadAll(io.LimitReader(file, policy.MaxSize+1))
}

// zeroes stands for a key, of which it does not depend whether a policy is good.
func zeroes([]byte) ([]byte, error) { return make([]byte, 32), nil }

// token returns what names secrets.
func (f *policyFlags) token() (func([]byte) ([]byte, error), error) {
	clients, err := f.kms.clients()
	if err != nil {
		return nil, err
	}
	tokens, err := seal.LoadTokens(seal.Config{File: f.tokens, KMSURI: f.kms.uri, KMS: clients})
	if err != nil {
		return nil, f.kms.verdict(err)
	}
	return tokens.Sum, nil
}
