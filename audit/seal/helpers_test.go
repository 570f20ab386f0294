package seal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

func newKeyset(t testing.TB, purpose Purpose) *Keyset {
	t.Helper()
	k, err := NewKeyset(purpose)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func text(t testing.TB, k *Keyset, kek tink.AEAD) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := k.Write(&b, kek); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func rotated(t testing.TB, k *Keyset) uint32 {
	t.Helper()
	id, err := k.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func primary(t testing.TB, k *Keyset) uint32 {
	t.Helper()
	for _, key := range k.Keys() {
		if key.Primary {
			return key.ID
		}
	}
	t.Fatal("no key is primary")
	return 0
}

// do is for steps that must succeed.
func do(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// secret is a Secret as Kubernetes mounts it: path is a link to a link, which
// is swapped for another version in one step.
type secret struct {
	t       testing.TB
	dir     string
	path    string
	version int
}

func mount(t testing.TB, content []byte) *secret {
	t.Helper()
	m := &secret{t: t, dir: t.TempDir()}
	m.path = filepath.Join(m.dir, "keyset.json")
	do(t, os.Symlink(filepath.Join("..data", "keyset.json"), m.path))
	m.update(content)
	return m
}

func (m *secret) update(content []byte) {
	m.t.Helper()
	m.version++
	version := "..v" + strings.Repeat("i", m.version)
	do(m.t, os.Mkdir(filepath.Join(m.dir, version), 0o700),
		os.WriteFile(filepath.Join(m.dir, version, "keyset.json"), content, 0o600),
		os.Symlink(version, filepath.Join(m.dir, "..new")),
		os.Rename(filepath.Join(m.dir, "..new"), filepath.Join(m.dir, "..data")))
}

// watch is a clock that tests set.
type watch struct{ now atomic.Int64 }

func (w *watch) elapsed() time.Duration  { return time.Duration(w.now.Load()) }
func (w *watch) pass(some time.Duration) { w.now.Add(int64(some)) }

// localKMS is a KMS of one key that counts what it is asked.
type localKMS struct {
	aead  tink.AEAD
	calls atomic.Int64
	down  atomic.Bool
}

const localURI = "local-kms://keys/one"

func newLocalKMS(t testing.TB) *localKMS {
	t.Helper()
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	do(t, err)
	key, err := aead.New(handle)
	do(t, err)
	return &localKMS{aead: key}
}

func (k *localKMS) Supported(uri string) bool                { return strings.HasPrefix(uri, "local-kms://") }
func (k *localKMS) GetAEAD(string) (tink.AEAD, error)        { return k, nil }
func (k *localKMS) Encrypt(plain, ad []byte) ([]byte, error) { return k.aead.Encrypt(plain, ad) }
func (k *localKMS) Decrypt(sealed, ad []byte) ([]byte, error) {
	k.calls.Add(1)
	if k.down.Load() {
		return nil, errors.New("connection refused")
	}
	return k.aead.Decrypt(sealed, ad)
}

func load(t testing.TB, cfg Config) *Sealer {
	t.Helper()
	s, err := New(cfg)
	do(t, err)
	t.Cleanup(s.Close)
	return s
}

func sealedWith(t testing.TB, s *Sealer) uint32 {
	t.Helper()
	id, ok := keyID(sealed(t, s, nil, Observed)[1:])
	if !ok {
		t.Fatal("no key id")
	}
	return id
}
