package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit/seal"
)

// creation is what the flags of keyset create say.
type creation struct {
	purpose string
	tokens  bool
	file    string
	force   bool
	kms     kms
}

func (p *program) keysetCreate() *cobra.Command {
	var c creation
	cmd := &cobra.Command{
		Use: "create", Short: "make a keyset with one new key", Args: cobra.NoArgs,
		Long: `Makes a keyset with one new key, which is primary: AES256-GCM for envelopes,
HMAC-SHA256 for tokens. It goes to stdout, or with -o to a file that only its owner
can read. Whoever reads a keyset that no KMS encrypts can open every envelope.

A file that is there already is not replaced without --force: envelopes that were
sealed with its keys could not be opened any more.`,
		Example: `  auditctl keyset create -o keyset.json
  auditctl keyset create --tokens -o tokens.json
  auditctl keyset create --kms-uri hcvault://vault:8200/transit/keys/auditflow --vault-token-file token -o keyset.json`,
	}
	purpose := oneOf(&c.purpose, string(seal.Envelopes), string(seal.SecretTokens))
	f := cmd.Flags()
	f.Var(purpose, "purpose", "what the key is for")
	f.BoolVar(&c.tokens, "tokens", false, "the same as --purpose tokens")
	f.StringVarP(&c.file, "output", "o", "", "write the keyset to this file, with mode 0600")
	f.BoolVar(&c.force, "force", false, "replace the file if it is there")
	c.kms.flags(cmd)
	cmd.MarkFlagsMutuallyExclusive("purpose", "tokens")
	words(cmd, "purpose", purpose.allowed...)
	cmd.RunE = func(*cobra.Command, []string) error { return p.createKeyset(&c) }
	return cmd
}

func (p *program) createKeyset(c *creation) error {
	purpose := seal.Purpose(c.purpose)
	if c.tokens {
		purpose = seal.SecretTokens
	}
	kek, err := c.kms.kek()
	if err != nil {
		return err
	}
	k, err := seal.NewKeyset(purpose)
	if err != nil {
		return &failure{err: err}
	}
	write := func(w io.Writer) error { return c.kms.verdict(k.Write(w, kek)) }
	if c.file == "" || c.file == "-" {
		err = p.keysOut(write)
	} else {
		err = createKeyFile(c.file, c.force, write)
	}
	if err != nil {
		return err
	}
	kept := "in clear: whoever reads it has the key"
	if kek != nil {
		kept = "encrypted by the KMS"
	}
	p.tell("made a keyset for %s with key %d, %s", purpose, k.Keys()[0].ID, kept)
	return nil
}
