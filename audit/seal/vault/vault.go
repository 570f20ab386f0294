// Package vault asks the transit engine of HashiCorp Vault or OpenBao to encrypt
// and decrypt keysets: hcvault://HOST[:PORT]/MOUNT/keys/NAME.
//
// It makes two requests of Vault's HTTP API and writes what Tink's own
// integration writes, which would bring 15 modules for them. The token is read
// from its file for every request, because agents renew it there.
package vault

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Config says how Vault is reached.
type Config struct {
	// TokenFile holds the token, as Vault Agent writes it. Required. The policy
	// behind it needs update on MOUNT/encrypt/NAME and MOUNT/decrypt/NAME.
	TokenFile string
	// CAFile holds the certificates, in PEM, that vouch for Vault. Default: those
	// of the system.
	CAFile string
	// Timeout bounds a request. Default 5 s.
	Timeout time.Duration
}

const (
	scheme         = "hcvault"
	defaultTimeout = 5 * time.Second
	maxAnswer      = 4 << 20 // a keyset of the largest size, in base64 twice
)

// Client is safe for concurrent use.
type Client struct {
	tokenFile string
	http      *http.Client
}

var _ registry.KMSClient = (*Client)(nil)

// New does not call Vault.
func New(cfg Config) (*Client, error) {
	if cfg.TokenFile == "" {
		return nil, errors.New("vault: the file with the token is required")
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if cfg.CAFile != "" {
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("vault: %w", err)
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("vault: %s holds no certificate in PEM", cfg.CAFile)
		}
	}
	noRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // they would carry the token elsewhere
	return &Client{cfg.TokenFile, &http.Client{Transport: transport, Timeout: cfg.Timeout, CheckRedirect: noRedirects}}, nil
}

// Supported tells URIs of Vault.
func (c *Client) Supported(keyURI string) bool { return strings.HasPrefix(keyURI, scheme+"://") }

// GetAEAD returns the key of that name. It takes no associated data, which
// Tink's keysets have not.
func (c *Client) GetAEAD(keyURI string) (tink.AEAD, error) {
	u, err := url.Parse(keyURI)
	if err != nil || u.Scheme != scheme || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, errors.New("vault: want hcvault://HOST[:PORT]/MOUNT/keys/NAME")
	}
	mount, name, ok := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/keys/")
	if !ok || mount == "" || name == "" || strings.Contains(name, "/") {
		return nil, errors.New("vault: want hcvault://HOST[:PORT]/MOUNT/keys/NAME")
	}
	engine := url.URL{Scheme: "https", Host: u.Host, Path: "/v1/" + mount}
	return &key{client: c, encrypt: engine.JoinPath("encrypt", name).String(), decrypt: engine.JoinPath("decrypt", name).String()}, nil
}

// key is one key of the transit engine.
type key struct {
	client           *Client
	encrypt, decrypt string
}

func (k *key) Encrypt(plaintext, associated []byte) ([]byte, error) {
	if len(associated) > 0 {
		return nil, errors.New("vault: associated data is not supported")
	}
	answer, err := k.client.ask(k.encrypt, fields{Plaintext: base64.StdEncoding.EncodeToString(plaintext)})
	if err != nil {
		return nil, err
	}
	if answer.Ciphertext == "" {
		return nil, errors.New("vault: the answer holds no ciphertext")
	}
	return []byte(answer.Ciphertext), nil
}

func (k *key) Decrypt(ciphertext, associated []byte) ([]byte, error) {
	if len(associated) > 0 {
		return nil, errors.New("vault: associated data is not supported")
	}
	answer, err := k.client.ask(k.decrypt, fields{Ciphertext: string(ciphertext)})
	if err != nil {
		return nil, err
	}
	plaintext, err := base64.StdEncoding.DecodeString(answer.Plaintext)
	if err != nil {
		return nil, errors.New("vault: the answer is not base64")
	}
	return plaintext, nil
}

type fields struct {
	Plaintext  string `json:"plaintext,omitempty"`
	Ciphertext string `json:"ciphertext,omitempty"`
}

// ask posts one request. Its context is the client's time-out: Tink's interface
// has none.
func (c *Client) ask(address string, question fields) (fields, error) {
	token, err := os.ReadFile(c.tokenFile)
	if err != nil {
		return fields{}, fmt.Errorf("vault: %w", err)
	}
	body, err := json.Marshal(question)
	if err != nil {
		return fields{}, errors.New("vault: the request cannot be encoded")
	}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fields{}, errors.New("vault: the request cannot be made")
	}
	request.Header.Set("X-Vault-Token", string(bytes.TrimSpace(token)))
	request.Header.Set("X-Vault-Request", "true")
	response, err := c.http.Do(request)
	if err != nil {
		return fields{}, fmt.Errorf("vault: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it was read, or is of no use
	var answer struct {
		Data   fields   `json:"data"`
		Errors []string `json:"errors"`
	}
	err = json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&answer)
	if response.StatusCode != http.StatusOK {
		return fields{}, fmt.Errorf("vault: %s %.200q", response.Status, answer.Errors)
	}
	if err != nil {
		return fields{}, errors.New("vault: the answer is not JSON")
	}
	return answer.Data, nil
}
