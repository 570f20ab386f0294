package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Purpose is what the keys of a keyset are for.
type Purpose string

const (
	// Envelopes are sealed with AES256-GCM.
	Envelopes Purpose = "envelopes"
	// SecretTokens are computed with HMAC-SHA256, see [Tokens].
	SecretTokens Purpose = "tokens"
)

// Keyset is a keyset in the hands of whoever manages it. It is not safe for
// concurrent use, and nothing is changed on disk before [Keyset.Write].
type Keyset struct {
	manager *keyset.Manager
	purpose Purpose
}

// NewKeyset makes a keyset with one new key, which is the primary one.
func NewKeyset(purpose Purpose) (*Keyset, error) {
	k := &Keyset{manager: keyset.NewManager(), purpose: purpose}
	id, err := k.add()
	if err != nil {
		return nil, fmt.Errorf("create keyset: %w", err)
	}
	if err := k.manager.SetPrimary(id); err != nil {
		return nil, errors.New("create keyset: the new key cannot be made primary")
	}
	return k, nil
}

// ReadKeyset reads what [Keyset.Write] wrote with the same kek, which is nil
// for a keyset in clear.
func ReadKeyset(r io.Reader, kek tink.AEAD) (*Keyset, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read keyset: %w", err)
	}
	handle, err := parse(text, kek)
	if err != nil {
		return nil, fmt.Errorf("read keyset: %w", err)
	}
	k := &Keyset{manager: keyset.NewManagerFromHandle(handle), purpose: Envelopes}
	if _, err := prf.NewPRFSet(handle); err == nil {
		k.purpose = SecretTokens
	} else if _, err := newRing(handle); err != nil {
		return nil, fmt.Errorf("read keyset: %w", err)
	}
	return k, nil
}

// Write writes the keyset as JSON, encrypted with kek. If kek is nil it is
// written in clear: whoever reads that opens every envelope.
func (k *Keyset) Write(w io.Writer, kek tink.AEAD) error {
	handle, err := k.manager.Handle()
	if err != nil {
		return errors.New("write keyset: it has no primary key")
	}
	var text bytes.Buffer // so that what fails half way leaves nothing half written
	if kek == nil {
		err = insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text))
	} else {
		err = handle.Write(keyset.NewJSONWriter(&text), kek)
	}
	if err != nil {
		return fmt.Errorf("write keyset: it cannot be encrypted: %w", err)
	}
	if _, err := w.Write(text.Bytes()); err != nil {
		return fmt.Errorf("write keyset: %w", err)
	}
	return nil
}

// Generate writes a new keyset for envelopes in clear, in the form that [Load]
// reads.
func Generate(w io.Writer) error {
	k, err := NewKeyset(Envelopes)
	if err != nil {
		return err
	}
	return k.Write(w, nil)
}

func (k *Keyset) add() (uint32, error) {
	var template *tink_go_proto.KeyTemplate
	switch k.purpose {
	case Envelopes:
		template = aead.AES256GCMKeyTemplate()
	case SecretTokens:
		template = prf.HMACSHA256PRFKeyTemplate()
	default:
		return 0, fmt.Errorf("purpose is neither %s nor %s", Envelopes, SecretTokens)
	}
	id, err := k.manager.Add(template)
	if err != nil {
		return 0, errors.New("a key cannot be made")
	}
	return id, nil
}

// KeyInfo is what may be said of a key: nothing of the key itself.
type KeyInfo struct {
	ID      uint32 `json:"id"`
	Type    string `json:"type"`   // AesGcmKey, HmacPrfKey, …
	Status  string `json:"status"` // enabled, disabled or destroyed
	Primary bool   `json:"primary"`
	Prefix  string `json:"prefix"` // TINK: the key's id stands in front of what it makes
}

// Inspect lists the keys of a keyset file, oldest first. One that is encrypted
// says so without its KMS, but then nothing vouches for what it says.
func Inspect(r io.Reader) ([]KeyInfo, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("inspect keyset: %w", err)
	}
	if encrypted, err := keyset.NewJSONReader(bytes.NewReader(text)).ReadEncrypted(); err == nil && len(encrypted.GetEncryptedKeyset()) > 0 {
		return keyInfo(encrypted.GetKeysetInfo()), nil
	}
	handle, err := parse(text, nil)
	if err != nil {
		return nil, fmt.Errorf("inspect keyset: %w", err)
	}
	return keyInfo(handle.KeysetInfo()), nil
}

// Keys lists the keys, oldest first.
func (k *Keyset) Keys() []KeyInfo {
	handle, err := k.manager.Handle()
	if err != nil {
		return nil // no key is primary: what was read or made always has one
	}
	return keyInfo(handle.KeysetInfo())
}

func keyInfo(info *tink_go_proto.KeysetInfo) []KeyInfo {
	keys := make([]KeyInfo, len(info.GetKeyInfo()))
	for i, key := range info.GetKeyInfo() {
		keys[i] = KeyInfo{
			ID: key.GetKeyId(), Type: key.GetTypeUrl()[strings.LastIndexByte(key.GetTypeUrl(), '.')+1:],
			Status: strings.ToLower(key.GetStatus().String()), Prefix: key.GetOutputPrefixType().String(),
			Primary: key.GetKeyId() == info.GetPrimaryKeyId(),
		}
	}
	return keys
}
