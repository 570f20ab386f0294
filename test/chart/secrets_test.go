//go:build chart

package chart

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit/seal"
)

// secret is what a file of a Secret has to hold for a program to take it.
func secret(t *testing.T, file string) string {
	t.Helper()
	files, err := secrets()
	if err != nil {
		t.Fatal(err)
	}
	text, ok := files[file]
	if !ok {
		t.Fatalf("nobody knows what %s holds", file)
	}
	return text
}

var secrets = sync.OnceValues(func() (map[string]string, error) {
	var envelopes, tokens bytes.Buffer
	keyset, err := seal.NewKeyset(seal.SecretTokens)
	if err != nil {
		return nil, err
	}
	certificate, key, err := selfSigned()
	if err := errors.Join(err, seal.Generate(&envelopes), keyset.Write(&tokens, nil)); err != nil {
		return nil, err
	}
	return map[string]string{
		"keyset.json": envelopes.String(), "token-keyset.json": tokens.String(),
		"tls.crt": certificate, "tls.key": key, "ca.crt": certificate,
		"tokens": "ci a-token-of-many-characters\n", "password": "hunter2\n", "api-key": "a-key-for-temporal\n",
	}, nil
})

func selfSigned() (certificate, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"api"}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return "", "", err
	}
	text, err := x509.MarshalPKCS8PrivateKey(private)
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", text), err
}
