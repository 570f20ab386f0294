package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Config says where a keyset is.
type Config struct {
	// File holds the keyset in JSON, as mounted from a Kubernetes Secret. Required.
	File string
	// KMSURI names the key that encrypts the file; empty: the file is in clear.
	KMSURI string
	// KMS are the clients that may know KMSURI.
	KMS []registry.KMSClient
	// Recheck is how often the file is looked at: at most, while it is used; with
	// Report also when it is not. Default 5 s. An envelope with an unknown key
	// asks at once.
	Recheck time.Duration
	// Report, if set, is told what became of a file that changed; for logs. Until
	// [Sealer.Close] it learns that within Recheck, also when nothing is sealed or
	// opened. It is called by whoever looked, one call at a time, and must neither
	// block nor use or close the Sealer.
	Report func(Reload)

	elapsed func() time.Duration // a clock for tests
}

// Reload tells what became of a keyset file that changed.
type Reload struct {
	// Keys are those in use from now on: if Err is set, those of before.
	Keys []KeyInfo
	// Err says why the file cannot be used. It holds nothing of it.
	Err error
}

const (
	// maxFile bounds a keyset file in bytes; one key takes about 300.
	maxFile = 1 << 20

	defaultRecheck = 5 * time.Second

	// remedy is what the operator reads under every fault of a keyset file.
	remedy = "mount the Secret that holds the Tink AEAD keyset in JSON, or make one with: auditctl keyset create"
)

// read returns the file's bytes. Whole, because a file that is swapped under a
// symbolic link has no moment at which it is half there.
func (c Config) read() ([]byte, error) {
	file, err := os.Open(c.File)
	if err != nil {
		return nil, fmt.Errorf("load keyset: %w; %s", err, remedy)
	}
	defer func() { _ = file.Close() }() // nothing was written
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("load keyset: %w; %s", err, remedy)
	}
	return text, nil
}

// handle makes a keyset of the file's bytes. Errors name the path and the
// remedy, never what the file holds.
func (c Config) handle(text []byte) (*keyset.Handle, error) {
	kek, err := KEK(c.KMSURI, c.KMS)
	if err != nil {
		return nil, fmt.Errorf("load keyset %s: %w", c.File, err)
	}
	handle, err := parse(text, kek)
	if err != nil {
		return nil, fmt.Errorf("load keyset %s: %w; %s", c.File, err, remedy)
	}
	return handle, nil
}

// parse leaves Tink's errors out where they may quote the file.
func parse(text []byte, kek tink.AEAD) (*keyset.Handle, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("larger than %d bytes", maxFile)
	}
	reader := keyset.NewJSONReader(bytes.NewReader(text))
	encrypted := bytes.Contains(text, []byte(`"encryptedKeyset"`))
	switch {
	case kek == nil && encrypted:
		return nil, errors.New("the keyset is encrypted, and no KMS URI is given")
	case kek == nil:
		handle, err := insecurecleartextkeyset.Read(reader)
		if err != nil {
			return nil, errors.New("not a cleartext Tink keyset in JSON")
		}
		return handle, nil
	case !encrypted:
		return nil, errors.New("not an encrypted Tink keyset in JSON, but a KMS URI is given")
	}
	// Of encrypted keysets there is nothing to quote, and why a KMS refuses is
	// what the operator needs to know.
	handle, err := keyset.Read(reader, kek)
	if err != nil {
		return nil, fmt.Errorf("the KMS does not decrypt the keyset: %w", err)
	}
	return handle, nil
}

// ring is the keys of one version of the file. It is immutable.
type ring struct {
	aead tink.AEAD
	keys map[uint32]bool // ids of the enabled keys
	info []KeyInfo
}

func newRing(handle *keyset.Handle) (*ring, error) {
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, errors.New("its keys are not for AEAD")
	}
	r := &ring{aead: primitive, keys: map[uint32]bool{}, info: keyInfo(handle.KeysetInfo())}
	for _, key := range r.info {
		// A key without id in the ciphertext would make an unknown key look like
		// a damaged envelope.
		if key.Prefix == "RAW" {
			return nil, fmt.Errorf("key %d does not put its id into the ciphertext (output prefix RAW)", key.ID)
		}
		if key.Status == enabled {
			r.keys[key.ID] = true
		}
	}
	return r, nil
}
