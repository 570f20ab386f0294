package main

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tink-crypto/tink-go/v2/core/registry"

	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/audit/seal/vault"
)

// transit is as much of Vault as a keyset needs: its key turns bytes round.
type transit struct {
	*httptest.Server
	down  atomic.Bool
	flags []string // of auditctl
	token string   // the file
	ca    string
}

func newTransit(t *testing.T) *transit {
	t.Helper()
	v := &transit{}
	v.Server = httptest.NewTLSServer(http.HandlerFunc(v.serve))
	t.Cleanup(v.Close)
	dir := t.TempDir()
	v.token, v.ca = filepath.Join(dir, "token"), filepath.Join(dir, "ca.pem")
	must(t, writeFile(v.token, "hvs-one"))
	must(t, writeFile(v.ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: v.Certificate().Raw}))))
	v.flags = []string{"--kms-uri", v.uri(), "--vault-token-file", v.token, "--vault-ca-file", v.ca}
	return v
}

func (v *transit) uri() string {
	return strings.Replace(v.URL, "https", "hcvault", 1) + "/transit/keys/auditflow"
}

func (v *transit) serve(w http.ResponseWriter, r *http.Request) {
	var body struct{ Plaintext, Ciphertext string }
	_ = json.NewDecoder(r.Body).Decode(&body)
	data := map[string]string{}
	switch {
	case v.down.Load() || r.Header.Get("X-Vault-Token") != "hvs-one":
		w.WriteHeader(http.StatusForbidden)
	case r.URL.Path == "/v1/transit/encrypt/auditflow":
		data["ciphertext"] = "vault:v1:" + turned(body.Plaintext)
	case r.URL.Path == "/v1/transit/decrypt/auditflow":
		data["plaintext"] = turned(strings.TrimPrefix(body.Ciphertext, "vault:v1:"))
	default:
		w.WriteHeader(http.StatusNotFound)
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

func TestAKeysetThatAKMSEncryptsStaysEncrypted(t *testing.T) {
	t.Parallel()
	v := newTransit(t)
	path := newKeyset(t, v.flags...)
	_, old := keysOf(t, path) // which asks no KMS
	for _, step := range [][]string{{"rotate", path}, {"enable", path, old}} {
		fine(t, environment{}.execute(t, append(append([]string{"keyset"}, step...), v.flags...)...))
		if text := read(t, path); !strings.Contains(text, "encryptedKeyset") || keyMaterial.MatchString(text) {
			t.Fatalf("%v wrote a keyset in clear", step)
		}
	}
	if ids, primary := keysOf(t, path); len(ids) != 2 || primary != old {
		t.Errorf("keys %v, primary %s", ids, primary)
	}
	client, err := vault.New(vault.Config{TokenFile: v.token, CAFile: v.ca})
	must(t, err)
	if _, err := seal.New(seal.Config{File: path, KMSURI: v.uri(), KMS: []registry.KMSClient{client}}); err != nil {
		t.Errorf("a worker cannot read it: %v", err)
	}
}

func TestAKMSThatRefusesIsToldFromAKeysetThatIsNone(t *testing.T) {
	t.Parallel()
	v := newTransit(t)
	encrypted, plain := newKeyset(t, v.flags...), newKeyset(t)
	rotate := func(path string, flags ...string) outcome {
		before := read(t, path)
		o := environment{}.execute(t, append([]string{"keyset", "rotate", path}, flags...)...)
		if read(t, path) != before {
			t.Errorf("%v changed the keyset", flags)
		}
		return o
	}
	if o := rotate(encrypted); o.code != exitUsage || !strings.Contains(o.stderr, "no KMS URI is given") {
		t.Errorf("encrypted, without KMS: %+v", o)
	}
	if o := rotate(plain, v.flags...); o.code != exitUsage || !strings.Contains(o.stderr, "but a KMS URI is given") {
		t.Errorf("in clear, with KMS: %+v", o)
	}
	v.down.Store(true)
	if o := rotate(encrypted, v.flags...); o.code != exitFailed || !strings.Contains(o.stderr, "403") {
		t.Errorf("the KMS refuses: %+v", o)
	}
	path := filepath.Join(t.TempDir(), "keyset.json")
	if o := (environment{}).execute(t, append([]string{"keyset", "create", "-o", path}, v.flags...)...); o.code != exitFailed {
		t.Errorf("the KMS refuses to encrypt: %+v", o)
	}
	v.Close()
	if o := rotate(encrypted, v.flags...); o.code != exitFailed || !strings.Contains(o.stderr, "connection refused") {
		t.Errorf("the KMS is away: %+v", o)
	}
}
