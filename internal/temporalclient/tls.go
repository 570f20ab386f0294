package temporalclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"

	"go.temporal.io/sdk/client"
)

// TLS says how the connection is encrypted. Files are PEM and read again for
// every new connection; such that are missing or do not fit later leave what was
// there before in use, and the log tells.
type TLS struct {
	// Enabled is whether it is at all; without it nothing else counts.
	Enabled bool
	// CAFile has the authorities that may vouch for the server. Default: the system's.
	CAFile string
	// CertFile and KeyFile are our certificate and its key, for a server that asks
	// for one (mTLS). Default: none. They go together.
	CertFile, KeyFile string
	// ServerName is what the server's certificate has to be for. Default: the host
	// of the address.
	ServerName string
}

// Validate reads the files. Its errors name them and quote nothing.
func (t TLS) Validate() error {
	if !t.Enabled {
		return nil
	}
	var faults []error
	if t.CAFile != "" {
		_, err := authorities(t.CAFile)
		faults = append(faults, err)
	}
	switch {
	case (t.CertFile == "") != (t.KeyFile == ""):
		faults = append(faults, errors.New("cert_file and key_file go together"))
	case t.CertFile != "":
		_, err := pair(t.CertFile, t.KeyFile)
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// config is what the connection wants; nil is none.
func (t TLS) config(address string, log *slog.Logger) (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil
	}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	name := t.ServerName
	if name == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("address %s: %w", address, err)
		}
		name = host
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}
	if t.CertFile != "" {
		own := &followed[tls.Certificate]{what: "certificate for Temporal", log: log, read: func() (tls.Certificate, error) { return pair(t.CertFile, t.KeyFile) }}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			now, err := own.now()
			return &now, err
		}
	}
	if t.CAFile != "" {
		roots := &followed[*x509.CertPool]{what: "authorities of Temporal", log: log, read: func() (*x509.CertPool, error) { return authorities(t.CAFile) }}
		// Package tls reads its roots once, and an authority is renewed, too. So the
		// chain and the name are verified here, by what the file says now.
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(state tls.ConnectionState) error { return verify(state, name, roots) }
	}
	return c, nil
}

// verify is what package tls does by itself for roots that stay. The name is ours,
// for that of the state is empty where the address is an IP's.
func verify(state tls.ConnectionState, name string, roots *followed[*x509.CertPool]) error {
	pool, err := roots.now()
	if err != nil {
		return err
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] { // a server that shows none does not get here
		between.AddCert(c)
	}
	_, err = state.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: name, Roots: pool, Intermediates: between})
	return err
}

// followed is what files say, or what they said when they could be used last.
type followed[V any] struct {
	what string
	read func() (V, error)
	log  *slog.Logger

	mu   sync.Mutex
	last V
	had  bool
}

func (f *followed[V]) now() (V, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	value, err := f.read()
	if err == nil {
		f.last, f.had = value, true
		return value, nil
	}
	if !f.had {
		return value, err
	}
	f.log.Error("what was read before stays in use: the files cannot be used", "of", f.what, "error", err)
	return f.last, nil
}

func authorities(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New(file + " has no certificate in it")
	}
	return pool, nil
}

func pair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := os.ReadFile(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	own, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return own, fmt.Errorf("%s and %s are not a certificate and its key", certFile, keyFile)
	}
	return own, nil
}

// APIKey reads the key in a file, which may end in a line break.
func APIKey(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	key := bytes.TrimSpace(text)
	if len(key) == 0 || bytes.IndexFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0 {
		return "", errors.New(file + " has no API key in it: want one word")
	}
	return string(key), nil
}

// credentials sends the key that the file has at the time; nil sends none.
func credentials(file string, log *slog.Logger) client.Credentials {
	if file == "" {
		return nil
	}
	key := &followed[string]{what: "API key for Temporal", log: log, read: func() (string, error) { return APIKey(file) }}
	return client.NewAPIKeyDynamicCredentials(func(context.Context) (string, error) { return key.now() })
}
