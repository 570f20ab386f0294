package seal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/auditflow/auditflow/audit"
)

func TestAnotherKeysetsEnvelopeIsAnUnknownKey(t *testing.T) {
	t.Parallel()
	_, err := fresh(t).Open(sealed(t, fresh(t), []audit.Record{bare()}, Observed), Observed, workflow)
	if !errors.Is(err, ErrUnknownKey) || errors.Is(err, ErrEnvelope) {
		t.Errorf("got %v, want ErrUnknownKey only", err)
	}
}

func TestAfterRotationOldEnvelopesOpenAndNewOnesUseTheNewKey(t *testing.T) {
	t.Parallel()
	manager := keyset.NewManager()
	first := add(t, manager)
	before := sealer(t, manager)
	old := sealed(t, before, []audit.Record{bare()}, Observed)
	second := add(t, manager)
	after := sealer(t, manager)
	if _, err := after.Open(old, Observed, workflow); err != nil {
		t.Errorf("an old envelope no longer opens: %v", err)
	}
	fresh := sealed(t, after, []audit.Record{bare()}, Observed)
	if id, _ := keyID(fresh[1:]); id != second {
		t.Errorf("sealed with key %d, want the new primary %d", id, second)
	}
	if _, err := before.Open(fresh, Observed, workflow); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("a worker without the new key: %v, want ErrUnknownKey", err)
	}
	if err := manager.Disable(first); err != nil {
		t.Fatal(err)
	}
	if _, err := sealer(t, manager).Open(old, Observed, workflow); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("a disabled key: %v, want ErrUnknownKey", err)
	}
}

func add(t *testing.T, m *keyset.Manager) uint32 {
	t.Helper()
	id, err := m.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SetPrimary(id); err != nil {
		t.Fatal(err)
	}
	return id
}

func sealer(t *testing.T, m *keyset.Manager) *Sealer {
	t.Helper()
	handle, err := m.Handle()
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSealer(handle)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAFaultyKeysetFileSaysWhichAndWhatToDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	raw := keyset.NewManager()
	template := aead.AES256GCMNoPrefixKeyTemplate()
	id, err := raw.Add(template)
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.SetPrimary(id); err != nil {
		t.Fatal(err)
	}
	handle, err := raw.Handle()
	if err != nil {
		t.Fatal(err)
	}
	var noPrefix bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&noPrefix)); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, content string }{
		{"missing", ""},
		{"not JSON", "hunter2"},
		{"JSON, but no keyset", `{"hunter2":"hunter2"}`},
		{"without keys", `{"primaryKeyId":1,"key":[]}`},
		{"without key ids", noPrefix.String()},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, strings.ReplaceAll(tc.name, " ", "-"))
			if tc.content != "" {
				if err := os.WriteFile(path, []byte(tc.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Load(path)
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "mount the Secret") {
				t.Errorf("error %v: want path and remedy", err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the error quotes the file")
			}
		})
	}
}
