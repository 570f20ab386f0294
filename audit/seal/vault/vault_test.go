package vault_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/core/registry"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/audit/seal/vault"
)

// transit speaks as much of Vault's transit engine as is asked of it
// (https://developer.hashicorp.com/vault/api-docs/secret/transit): its key
// turns bytes round, and only who shows the right token may use it.
type transit struct {
	*httptest.Server
	token atomic.Value
	asked atomic.Int64
	dir   string
}

func start(t *testing.T) *transit {
	t.Helper()
	v := &transit{dir: t.TempDir()}
	v.token.Store("hvs-one")
	v.Server = httptest.NewTLSServer(http.HandlerFunc(v.serve))
	t.Cleanup(v.Close)
	v.write(t, "token", "hvs-one\n")
	v.write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: v.Certificate().Raw})))
	return v
}

func (v *transit) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(v.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (v *transit) uri(path string) string {
	return strings.Replace(v.URL, "https", "hcvault", 1) + path
}

func (v *transit) serve(w http.ResponseWriter, r *http.Request) {
	v.asked.Add(1)
	refuse := func(status int, why string) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"errors": []string{why}})
	}
	var body struct{ Plaintext, Ciphertext string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Method != http.MethodPost {
		refuse(http.StatusBadRequest, "not a request")
		return
	}
	data := map[string]string{}
	switch sealed, ours := strings.CutPrefix(body.Ciphertext, "vault:v1:"); {
	case r.Header.Get("X-Vault-Token") != v.token.Load():
		refuse(http.StatusForbidden, "permission denied")
		return
	case r.URL.Path == "/v1/team/transit/encrypt/keysets":
		data["ciphertext"] = "vault:v1:" + turned(body.Plaintext)
	case r.URL.Path == "/v1/team/transit/decrypt/keysets" && ours:
		data["plaintext"] = turned(sealed)
	case r.URL.Path == "/v1/moved/decrypt/keysets":
		http.Redirect(w, r, "/v1/team/transit/decrypt/keysets", http.StatusTemporaryRedirect)
		return
	case r.URL.Path == "/v1/odd/decrypt/keysets":
		_, _ = w.Write([]byte("<html>"))
		return
	default:
		refuse(http.StatusBadRequest, "no such key or ciphertext")
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": data})
}

func turned(encoded string) string {
	b, _ := base64.StdEncoding.DecodeString(encoded)
	for i := range b {
		b[i] ^= 0x55
	}
	return base64.StdEncoding.EncodeToString(b)
}

func (v *transit) client(t *testing.T) *vault.Client {
	t.Helper()
	c, err := vault.New(vault.Config{TokenFile: filepath.Join(v.dir, "token"), CAFile: filepath.Join(v.dir, "ca.pem"), Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// keyset writes one that Vault has encrypted, and returns its path.
func (v *transit) keyset(t *testing.T, c *vault.Client) string {
	t.Helper()
	kek, err := seal.KEK(v.uri("/team/transit/keys/keysets"), []registry.KMSClient{c})
	if err != nil {
		t.Fatal(err)
	}
	k, err := seal.NewKeyset(seal.Envelopes)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := k.Write(&file, kek); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(file.String(), `"keyData"`) {
		t.Fatal("the file holds a key in clear")
	}
	v.write(t, "keyset.json", file.String())
	return filepath.Join(v.dir, "keyset.json")
}

func TestAKeysetThatVaultEncryptsSealsAndOpens(t *testing.T) {
	t.Parallel()
	v := start(t)
	c := v.client(t)
	s, err := seal.New(seal.Config{File: v.keyset(t, c), KMSURI: v.uri("/team/transit/keys/keysets"), KMS: []registry.KMSClient{c}})
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := s.Seal([]audit.Record{{ID: "one"}}, seal.Observed, "w")
	if err != nil {
		t.Fatal(err)
	}
	records, err := s.Open(envelope, seal.Observed, "w")
	if err != nil || len(records) != 1 || records[0].ID != "one" {
		t.Errorf("got %v, %v", records, err)
	}
	if n := v.asked.Load(); n != 2 {
		t.Errorf("Vault was asked %d times, want once to write the keyset and once to read it", n)
	}
}

func TestATokenIsReadAgainForEveryRequest(t *testing.T) {
	t.Parallel()
	v := start(t)
	c := v.client(t)
	cfg := seal.Config{File: v.keyset(t, c), KMSURI: v.uri("/team/transit/keys/keysets"), KMS: []registry.KMSClient{c}}
	v.token.Store("hvs-two")
	if _, err := seal.New(cfg); err == nil || !strings.Contains(err.Error(), "permission denied") || strings.Contains(err.Error(), "hvs-") {
		t.Errorf("with the old token: %v, want Vault's answer and no token", err)
	}
	v.write(t, "token", "hvs-two\n")
	if _, err := seal.New(cfg); err != nil {
		t.Errorf("with the new token: %v", err)
	}
}

func TestWhatCannotWorkSaysWhy(t *testing.T) {
	t.Parallel()
	v := start(t)
	c := v.client(t)
	file := v.keyset(t, c)
	for _, tc := range []struct{ name, uri, want string }{
		{"another key", v.uri("/team/transit/keys/other"), "no such key"},
		{"a redirect, which would carry the token along", v.uri("/moved/keys/keysets"), "307"},
		{"something that is not Vault", v.uri("/odd/keys/keysets"), "not JSON"},
		{"nobody there", "hcvault://127.0.0.1:1/transit/keys/keysets", "connect"},
		{"a URI without key", v.uri("/transit"), "want hcvault://"},
		{"a URI with a password", "hcvault://u:p@h/transit/keys/k", "want hcvault://"},
		{"a URI of another KMS", "aws-kms://arn", "no client for aws-kms://"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := seal.New(seal.Config{File: file, KMSURI: tc.uri, KMS: []registry.KMSClient{c}})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	strangers, err := vault.New(vault.Config{TokenFile: filepath.Join(v.dir, "token")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seal.New(seal.Config{File: file, KMSURI: v.uri("/team/transit/keys/keysets"), KMS: []registry.KMSClient{strangers}}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a Vault that nobody vouches for: %v", err)
	}
	if _, err := vault.New(vault.Config{}); err == nil {
		t.Error("no token file")
	}
	if _, err := vault.New(vault.Config{TokenFile: "t", CAFile: filepath.Join(v.dir, "token")}); err == nil {
		t.Error("a CA file without certificates")
	}
}
