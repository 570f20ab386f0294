package seal

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/core/registry"
)

func tokens(t *testing.T, k *Keyset) *Tokens {
	t.Helper()
	tok, err := LoadTokens(Config{File: mount(t, text(t, k, nil)).path})
	do(t, err)
	return tok
}

func sum(t *testing.T, k *Tokens, secret string) []byte {
	t.Helper()
	b, err := k.Sum([]byte(secret))
	do(t, err)
	if len(b) != sumSize {
		t.Fatalf("%d bytes", len(b))
	}
	return b
}

func TestATokenIsTheSameForTheSameSecretAndKeyOnly(t *testing.T) {
	t.Parallel()
	k := newKeyset(t, SecretTokens)
	one, again, other := tokens(t, k), tokens(t, k), tokens(t, newKeyset(t, SecretTokens))
	if !bytes.Equal(sum(t, one, "hunter2"), sum(t, again, "hunter2")) {
		t.Error("another process gives another token")
	}
	if bytes.Equal(sum(t, one, "hunter2"), sum(t, one, "hunter3")) {
		t.Error("two secrets have one token")
	}
	if bytes.Equal(sum(t, one, "hunter2"), sum(t, other, "hunter2")) {
		t.Error("the token does not depend on the key: whoever guesses the password can check the guess")
	}
}

func TestTokensNeedAKeysetOfTheirOwn(t *testing.T) {
	t.Parallel()
	_, err := LoadTokens(Config{File: mount(t, text(t, newKeyset(t, Envelopes), nil)).path})
	if err == nil || !strings.Contains(err.Error(), "keyset create --purpose tokens") {
		t.Errorf("a keyset for envelopes: %v", err)
	}
	if _, err := LoadTokens(Config{File: t.TempDir() + "/missing"}); err == nil {
		t.Error("loaded a file that is missing")
	}
}

func TestAKeysetForTokensMayBeEncryptedToo(t *testing.T) {
	t.Parallel()
	kms, k := newLocalKMS(t), newKeyset(t, SecretTokens)
	wrapped, err := LoadTokens(Config{File: mount(t, text(t, k, kms)).path, KMSURI: localURI, KMS: []registry.KMSClient{kms}})
	do(t, err)
	if !bytes.Equal(sum(t, wrapped, "hunter2"), sum(t, tokens(t, k), "hunter2")) {
		t.Error("the same key gives another token")
	}
}

func TestAKeyForTokensIsReadAtStartOnly(t *testing.T) {
	t.Parallel()
	file := mount(t, text(t, newKeyset(t, SecretTokens), nil))
	tok, err := LoadTokens(Config{File: file.path})
	do(t, err)
	before := sum(t, tok, "hunter2")
	file.update(text(t, newKeyset(t, SecretTokens), nil))
	if !bytes.Equal(sum(t, tok, "hunter2"), before) {
		t.Error("one process has given one secret two names")
	}
}

func TestTheDocumentationHasTheNumbersAndNamesOfTheCode(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/keys.md")
	do(t, err)
	for _, said := range []string{
		fmt.Sprintf("again every %d s, an idle one too", defaultRecheck/time.Second),
		fmt.Sprintf("asked at most every %d s", defaultRecheck/time.Second),
		fmt.Sprintf("--purpose %s\\|%s", Envelopes, SecretTokens),
	} {
		if !strings.Contains(string(page), said) {
			t.Errorf("docs/keys.md does not say %q", said)
		}
	}
	if !strings.Contains(remedy, "auditctl keyset create") {
		t.Errorf("the remedy is not the documented command: %s", remedy)
	}
}
