package seal

import (
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/prf"
)

// Tokens gives names to secrets, always the same name to the same secret, from
// which nobody without the key gets back to the secret, not even by trying out
// passwords. It is safe for concurrent use.
//
// Its keyset is one of its own, of one key, and is not followed: names are worth
// something only as long as they do not change, so they must outlive the keys of
// envelopes.
type Tokens struct{ prf *prf.Set }

// LoadTokens reads a keyset that was made for [SecretTokens].
func LoadTokens(cfg Config) (*Tokens, error) {
	text, err := cfg.read()
	if err != nil {
		return nil, err
	}
	handle, err := cfg.handle(text)
	if err != nil {
		return nil, err
	}
	set, err := prf.NewPRFSet(handle)
	if err != nil {
		return nil, fmt.Errorf("load keyset %s: its keys are not for tokens; make one with: auditctl keyset create --purpose %s", cfg.File, SecretTokens)
	}
	t := &Tokens{prf: set}
	if _, err := t.Sum(nil); err != nil {
		return nil, fmt.Errorf("load keyset %s: %w", cfg.File, err)
	}
	return t, nil
}

// sumSize is that of HMAC-SHA256 in full; who shows it cuts it.
const sumSize = 32

// Sum returns HMAC-SHA256 of the secret, 32 bytes.
func (t *Tokens) Sum(secret []byte) ([]byte, error) {
	sum, err := t.prf.ComputePrimaryPRF(secret, sumSize)
	if err != nil {
		return nil, errors.New("the keyset's primary key computes no token")
	}
	return sum, nil
}
