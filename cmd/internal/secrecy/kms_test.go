package secrecy_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/core/registry"

	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/audit/seal/vault"
	"github.com/auditflow/auditflow/cmd/internal/secrecy"
	"github.com/auditflow/auditflow/internal/daemon"
)

// newVault is a transit engine that turns texts round, for who has the token.
func newVault(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Plaintext, Ciphertext string }
		if json.NewDecoder(r.Body).Decode(&asked) != nil || r.Header.Get("X-Vault-Token") != "hvs-one" {
			w.WriteHeader(http.StatusForbidden)
			_ = json.NewEncoder(w).Encode(map[string]any{"errors": []string{"permission denied"}})
			return
		}
		data := map[string]string{"ciphertext": turned(asked.Plaintext)}
		if path.Dir(r.URL.Path) == "/v1/transit/decrypt" {
			data = map[string]string{"plaintext": turned(asked.Ciphertext)}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": data})
	}))
	t.Cleanup(server.Close)
	return server
}

func turned(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

func TestOneKeyInVaultEncryptsBothKeysets(t *testing.T) {
	t.Parallel()
	f, server := newFiles(t), newVault(t)
	c := daemon.Common{
		KeysetKMSURI:        strings.Replace(server.URL, "https", "hcvault", 1) + "/transit/keys/keysets",
		KeysetKMSTokenFile:  f.write("token", "hvs-one\n"),
		KeysetKMSCAFile:     f.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))),
		RedactionPolicyFile: f.write("policy.yaml", "version: 1\ntokens: keyed\n"),
	}
	client, err := vault.New(vault.Config{TokenFile: c.KeysetKMSTokenFile, CAFile: c.KeysetKMSCAFile})
	must(t, err)
	kek, err := seal.KEK(c.KeysetKMSURI, []registry.KMSClient{client})
	must(t, err)
	encrypted := func(name string, purpose seal.Purpose) string {
		var text bytes.Buffer
		must(t, newKeyset(t, purpose).Write(&text, kek))
		return f.write(name, text.String())
	}
	c.KeysetFile, c.TokenKeysetFile = encrypted("keyset.json", seal.Envelopes), encrypted("tokens.json", seal.SecretTokens)
	if told := faults(t, c); told != "" {
		t.Fatal(told)
	}
	sealer, redactor, err := secrecy.Open(c, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(sealer.Close)
	if _, err := sealer.Seal(nil, seal.Observed, "workflow"); err != nil || redactor.Token("hunter-2") == "" {
		t.Errorf("seal: %v, token %q", err, redactor.Token("hunter-2"))
	}

	f.write("token", "hvs-two")
	if told := faults(t, c); !strings.Contains(told, "keyset_file: load keyset") || !strings.Contains(told, "permission denied") {
		t.Errorf("does not tell that Vault refuses:\n%s", told)
	}
	c.KeysetKMSURI, c.KeysetKMSTokenFile, c.KeysetKMSCAFile = "", "", ""
	if told := faults(t, c); strings.Count(told, "the keyset is encrypted, and no KMS URI is given") != 2 {
		t.Errorf("does not tell that both are encrypted:\n%s", told)
	}
}
