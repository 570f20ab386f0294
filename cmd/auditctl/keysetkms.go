package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/audit/seal/vault"
)

// kms says which key of a key management service encrypts a keyset.
type kms struct {
	uri, tokenFile, caFile string
	refused                error // what the service said no with
}

func (k *kms) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&k.uri, "kms-uri", "", "key that encrypts the keyset: hcvault://HOST[:PORT]/MOUNT/keys/NAME")
	f.StringVar(&k.tokenFile, "vault-token-file", "", "file with the token for Vault or OpenBao, with --kms-uri hcvault://…")
	f.StringVar(&k.caFile, "vault-ca-file", "", "certificates in PEM that vouch for Vault; default: those of the system")
}

// kek returns the key that encrypts the keyset, nil for one in clear.
func (k *kms) kek() (tink.AEAD, error) {
	clients, err := k.clients()
	if err != nil {
		return nil, err
	}
	return seal.KEK(k.uri, clients)
}

func (k *kms) clients() ([]registry.KMSClient, error) {
	switch {
	case k.uri == "" && k.tokenFile+k.caFile != "":
		return nil, usage("--vault-token-file and --vault-ca-file are for --kms-uri hcvault://…, which is not given")
	case !strings.HasPrefix(k.uri, "hcvault://"):
		return nil, nil // seal tells that nobody knows the URI
	case k.tokenFile == "":
		return nil, usage("--kms-uri hcvault://… needs --vault-token-file, the file with the token")
	}
	client, err := vault.New(vault.Config{TokenFile: k.tokenFile, CAFile: k.caFile})
	if err != nil {
		return nil, err
	}
	return []registry.KMSClient{witnessed{client, k}}, nil
}

// verdict makes an error that comes from the service one of the service: another
// exit code than that of a keyset which is none.
func (k *kms) verdict(err error) error {
	if err == nil || k.refused == nil {
		return err
	}
	return &failure{err: err}
}

// witnessed is a client whose refusals are remembered.
type witnessed struct {
	registry.KMSClient
	by *kms
}

func (w witnessed) GetAEAD(uri string) (tink.AEAD, error) {
	key, err := w.KMSClient.GetAEAD(uri)
	if err != nil {
		return nil, err
	}
	return witnessedKey{key, w.by}, nil
}

type witnessedKey struct {
	key tink.AEAD
	by  *kms
}

func (w witnessedKey) Encrypt(plaintext, associated []byte) ([]byte, error) {
	sealed, err := w.key.Encrypt(plaintext, associated)
	if err != nil {
		w.by.refused = err
	}
	return sealed, err
}

func (w witnessedKey) Decrypt(ciphertext, associated []byte) ([]byte, error) {
	plaintext, err := w.key.Decrypt(ciphertext, associated)
	if err != nil {
		w.by.refused = err
	}
	return plaintext, err
}
