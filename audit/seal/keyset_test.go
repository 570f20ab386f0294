package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
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

// TestARotationStepByStep is docs/keys.md: after each step of it, what opens
// and which key seals.
func TestARotationStepByStep(t *testing.T) {
	t.Parallel()
	k := newKeyset(t, Envelopes)
	first := primary(t, k)
	sealer := func() *Sealer { return load(t, Config{File: mount(t, text(t, k, nil)).path}) }
	before := sealer()
	old := sealed(t, before, []audit.Record{bare()}, Observed)
	opens := func(step string, s *Sealer, envelope []byte, want error) {
		t.Helper()
		if _, err := s.Open(envelope, Observed, workflow); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", step, err, want)
		}
	}

	second := rotated(t, k)
	both := sealer()
	if id := sealedWith(t, both); id != first {
		t.Errorf("rotated: sealed with key %d, want the old one, %d, until everybody knows the new one", id, first)
	}
	opens("rotated, an old envelope", both, old, nil)

	do(t, k.Promote(second))
	after := sealer()
	if id := sealedWith(t, after); id != second {
		t.Errorf("promoted: sealed with key %d, want %d", id, second)
	}
	young := sealed(t, after, []audit.Record{bare()}, Observed)
	opens("promoted, an old envelope", after, old, nil)
	opens("promoted, a new envelope where only the first step has arrived", both, young, nil)
	opens("promoted, a new envelope where nothing has arrived", before, young, ErrUnknownKey)

	do(t, k.Disable(first))
	opens("disabled, an old envelope", sealer(), old, ErrUnknownKey)
	do(t, k.Enable(first))
	opens("enabled again, an old envelope", sealer(), old, nil)

	do(t, k.Disable(first), k.Destroy(first))
	opens("destroyed, an old envelope", sealer(), old, ErrUnknownKey)
	opens("destroyed, a new envelope", sealer(), young, nil)
	if keys := k.Keys(); len(keys) != 1 || keys[0].ID != second {
		t.Errorf("keys left: %+v", keys)
	}
}

func TestWhatWouldLoseEnvelopesIsRefused(t *testing.T) {
	t.Parallel()
	k := newKeyset(t, Envelopes)
	first, second := primary(t, k), rotated(t, k)
	do(t, k.Disable(second))
	before := text(t, k, nil)
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"disabling the primary key", k.Disable(first), "primary"},
		{"destroying the primary key", k.Destroy(first), "primary"},
		{"promoting a disabled key", k.Promote(second), "enable it first"},
		{"destroying a key that does not exist", k.Destroy(first ^ second ^ 1), "no such key"},
		{"disabling a key that does not exist", k.Disable(first ^ second ^ 1), "no such key"},
		{"enabling a key that does not exist", k.Enable(first ^ second ^ 1), "no such key"},
		{"promoting a key that does not exist", k.Promote(first ^ second ^ 1), "no such key"},
	}
	for _, tc := range tests {
		if tc.err == nil || !strings.Contains(tc.err.Error(), tc.want) {
			t.Errorf("%s: got %v, want an error that says %q", tc.name, tc.err, tc.want)
		}
	}
	do(t, k.Enable(second))
	if err := k.Destroy(second); err == nil || !strings.Contains(err.Error(), "disable it first") {
		t.Errorf("destroying an enabled key: %v", err)
	}
	do(t, k.Disable(second))
	if !bytes.Equal(text(t, k, nil), before) {
		t.Error("what was refused changed something")
	}
	tokens := newKeyset(t, SecretTokens)
	if _, err := tokens.Rotate(); err == nil {
		t.Error("a key for tokens was rotated: old and new tokens of one secret would differ")
	}
	if _, err := NewKeyset("doors"); err == nil {
		t.Error("a keyset for nothing was made")
	}
}

func TestInspectTellsAllButTheKeys(t *testing.T) {
	t.Parallel()
	kms := newLocalKMS(t)
	k := newKeyset(t, Envelopes)
	first, second := primary(t, k), rotated(t, k)
	do(t, k.Promote(second), k.Disable(first))
	want := []KeyInfo{
		{ID: first, Type: "AesGcmKey", Status: "disabled", Prefix: "TINK"},
		{ID: second, Type: "AesGcmKey", Status: "enabled", Primary: true, Prefix: "TINK"},
	}
	plain := text(t, k, nil)
	for name, file := range map[string][]byte{"in clear": plain, "encrypted": text(t, k, kms)} {
		got, err := Inspect(bytes.NewReader(file))
		if err != nil || wire(got) != wire(want) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, want)
		}
		for _, key := range material(t, plain) {
			if strings.Contains(wire(got), key) {
				t.Errorf("%s: key material", name)
			}
		}
	}
	if kms.calls.Load() != 0 {
		t.Error("the KMS was asked")
	}
	if got := newKeyset(t, SecretTokens).Keys(); len(got) != 1 || got[0].Type != "HmacPrfKey" || !got[0].Primary {
		t.Errorf("tokens: %+v", got)
	}
	if _, err := Inspect(strings.NewReader(`{"hunter2":1}`)); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("not a keyset: %v", err)
	}
}

func wire(v any) string { b, _ := json.Marshal(v); return string(b) }

// material is the keys themselves, as they stand in a file in clear.
func material(t *testing.T, file []byte) (keys []string) {
	t.Helper()
	var keyset struct {
		Key []struct {
			KeyData struct{ Value string }
		}
	}
	do(t, json.Unmarshal(file, &keyset))
	for _, key := range keyset.Key {
		if raw, err := base64.StdEncoding.DecodeString(key.KeyData.Value); err != nil || len(raw) < 32 {
			t.Fatal("this test does not know where the keys are")
		}
		keys = append(keys, key.KeyData.Value[4:])
	}
	if len(keys) == 0 {
		t.Fatal("no keys")
	}
	return keys
}

func TestAKeysetComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	for _, purpose := range []Purpose{Envelopes, SecretTokens} {
		k := newKeyset(t, purpose)
		again, err := ReadKeyset(bytes.NewReader(text(t, k, nil)), nil)
		do(t, err)
		if again.purpose != purpose || !bytes.Equal(text(t, again, nil), text(t, k, nil)) {
			t.Errorf("%s: came back as %s", purpose, again.purpose)
		}
	}
	if _, err := ReadKeyset(strings.NewReader("hunter2"), nil); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("not a keyset: %v", err)
	}
	if _, err := ReadKeyset(bytes.NewReader(rawKeyset(t)), nil); err == nil {
		t.Error("keys without id in the ciphertext were taken")
	}
}

func rawKeyset(t *testing.T) []byte {
	t.Helper()
	handle, err := keyset.NewHandle(aead.AES256GCMNoPrefixKeyTemplate())
	do(t, err)
	var file bytes.Buffer
	do(t, insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&file)))
	return file.Bytes()
}

func TestAFaultyKeysetFileSaysWhichAndWhatToDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tests := []struct{ name, content string }{
		{"missing", ""},
		{"not JSON", "hunter2"},
		{"JSON, but no keyset", `{"hunter2":"hunter2"}`},
		{"without keys", `{"primaryKeyId":1,"key":[]}`},
		{"without key ids", string(rawKeyset(t))},
		{"for tokens", string(text(t, newKeyset(t, SecretTokens), nil))},
		{"encrypted", string(text(t, newKeyset(t, Envelopes), newLocalKMS(t)))},
		{"too large", "hunter2" + strings.Repeat(" ", maxFile)},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, strings.ReplaceAll(tc.name, " ", "-"))
			if tc.content != "" {
				do(t, os.WriteFile(path, []byte(tc.content), 0o600))
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
