package seal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/core/cryptofmt"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// remedy is what the operator reads under every fault of a keyset file.
const remedy = "mount the Secret that holds the Tink AEAD keyset in JSON, or make one with: tinkey create-keyset --key-template AES256_GCM"

// Load reads a cleartext Tink keyset in JSON, as mounted from a Kubernetes
// Secret. The primary key seals; every enabled key opens. Errors name the path
// and the remedy, never what the file holds.
func Load(path string) (*Sealer, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load keyset: %w; %s", err, remedy)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(file)))
	if err != nil {
		// Tink's error may quote the file.
		return nil, fmt.Errorf("load keyset %s: not a cleartext Tink keyset in JSON; %s", path, remedy)
	}
	s, err := newSealer(handle)
	if err != nil {
		return nil, fmt.Errorf("load keyset %s: %w; %s", path, err, remedy)
	}
	return s, nil
}

// Generate writes a new keyset with one AES256-GCM key, in clear, in the form
// that [Load] reads. Whoever reads it opens every envelope.
func Generate(w io.Writer) error {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return fmt.Errorf("generate keyset: %w", err)
	}
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(w)); err != nil {
		return fmt.Errorf("generate keyset: %w", err)
	}
	return nil
}

// newSealer is the seam for keysets that come from elsewhere than a file.
func newSealer(handle *keyset.Handle) (*Sealer, error) {
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, errors.New("its keys are not for AEAD")
	}
	keys, err := enabledKeys(handle)
	if err != nil {
		return nil, err
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		return nil, fmt.Errorf("start the compressor: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(MaxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("start the decompressor: %w", err)
	}
	return &Sealer{aead: primitive, keys: keys, enc: enc, dec: dec}, nil
}

func enabledKeys(handle *keyset.Handle) (map[uint32]bool, error) {
	keys := map[uint32]bool{}
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return nil, errors.New("its keys cannot be listed")
		}
		// A key without id in the ciphertext (prefix RAW) would make an unknown
		// key look like a damaged envelope.
		if _, required := entry.Key().IDRequirement(); !required {
			return nil, fmt.Errorf("key %d does not put its id into the ciphertext (output prefix RAW)", entry.KeyID())
		}
		if entry.KeyStatus() == keyset.Enabled {
			keys[entry.KeyID()] = true
		}
	}
	return keys, nil
}

// keyID reads the id from Tink's wire format: 0x01 (or 0x00 for the prefix
// CRUNCHY) and the id, big endian (https://developers.google.com/tink/wire-format).
func keyID(ciphertext []byte) (uint32, bool) {
	if len(ciphertext) < cryptofmt.NonRawPrefixSize || ciphertext[0] > cryptofmt.TinkStartByte {
		return 0, false
	}
	return binary.BigEndian.Uint32(ciphertext[1:cryptofmt.NonRawPrefixSize]), true
}
