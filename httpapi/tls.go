package httpapi

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// TLSFiles are PEM files, read again when they have changed; such that are
// missing or do not fit later leave the certificates as they are.
type TLSFiles struct {
	Cert, Key string
	// ClientCA vouches for the certificates of clients; "": they are not asked for
	// one. A certificate that it does not vouch for ends the handshake; none at all
	// does not: /healthz needs none.
	ClientCA string
}

// Config reads the files. Its errors name them and quote nothing.
func (f TLSFiles) Config(log *slog.Logger) (*tls.Config, error) {
	c := &certificates{files: f, log: log, looked: time.Now()}
	var err error
	if c.texts, err = f.read(); err != nil {
		return nil, err
	}
	if c.config, err = f.parse(c.texts); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current(), nil },
	}, nil
}

func (f TLSFiles) read() (texts [3][]byte, err error) {
	for i, path := range []string{f.Cert, f.Key, f.ClientCA} {
		if path == "" {
			continue
		}
		if texts[i], err = os.ReadFile(path); err != nil {
			return texts, err
		}
	}
	return texts, nil
}

func (f TLSFiles) parse(texts [3][]byte) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(texts[0], texts[1])
	if err != nil {
		return nil, fmt.Errorf("%s and %s are not a certificate and its key", f.Cert, f.Key)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if f.ClientCA == "" {
		return c, nil
	}
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
	if !c.ClientCAs.AppendCertsFromPEM(texts[2]) {
		return nil, errors.New(f.ClientCA + " has no certificate in it")
	}
	return c, nil
}

// certificates are those of the files as they are now.
type certificates struct {
	files TLSFiles
	log   *slog.Logger

	mu     sync.Mutex
	looked time.Time
	texts  [3][]byte
	config *tls.Config
}

func (c *certificates) current() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < look {
		return c.config
	}
	c.looked = time.Now()
	texts, err := c.files.read()
	changed := false
	for i := range texts {
		changed = changed || !bytes.Equal(texts[i], c.texts[i])
	}
	if err == nil && !changed {
		return c.config
	}
	var config *tls.Config
	if err == nil {
		config, err = c.files.parse(texts)
	}
	if err != nil {
		c.log.Error("certificates not changed: the files cannot be used", "error", err)
		return c.config
	}
	c.texts, c.config = texts, config
	c.log.Info("certificates changed")
	return c.config
}
