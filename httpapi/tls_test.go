package httpapi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/httpapi"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert, a.key, a.pem, _ = a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

func (a *authority) sign(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey, []byte, []byte) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
}

// pair is a certificate for 127.0.0.1, of a server or a client, and its key.
func (a *authority) pair(serial int64) (cert, key []byte) {
	_, _, cert, key = a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "executor"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	return cert, key
}

// visit posts a record as a client that trusts one authority and shows a
// certificate of another, if there is one, and tells the server's serial number.
func visit(t *testing.T, d *door, trusts, shows *authority) (status int, serial int64, err error) {
	t.Helper()
	c := &tls.Config{RootCAs: x509.NewCertPool()}
	c.RootCAs.AddCert(trusts.cert)
	if shows != nil {
		pair, err := tls.X509KeyPair(shows.pair(7))
		if err != nil {
			t.Fatal(err)
		}
		// Shown whatever authorities the server asks for.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}}
	res, err := client.Post("https://"+d.address+httpapi.PathRecords, "application/json", strings.NewReader(body(t)))
	if err != nil {
		return 0, 0, err
	}
	defer res.Body.Close()
	return res.StatusCode, res.TLS.PeerCertificates[0].SerialNumber.Int64(), nil
}

func TestACertificateOfTheRightAuthorityIsEnough(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t), newAuthority(t)
	dir := t.TempDir()
	files := httpapi.TLSFiles{Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key"), ClientCA: filepath.Join(dir, "ca")}
	install := func(serial int64) {
		cert, key := ours.pair(serial)
		write(t, files.Cert, string(cert))
		write(t, files.Key, string(key))
	}
	install(10)
	write(t, files.ClientCA, string(ours.pem))
	log := &journal{}
	speaks, err := files.Config(slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	d := open(t, func(c *httpapi.Config, s *httpapi.Server) {
		c.Access, s.TLS = httpapi.Access{Certificates: true}, speaks
	})

	if status, serial, err := visit(t, d, ours, ours); status != http.StatusCreated || serial != 10 {
		t.Errorf("of the right authority: %d, %d, %v", status, serial, err)
	}
	if status, _, err := visit(t, d, ours, nil); status != http.StatusUnauthorized {
		t.Errorf("without one: %d, %v", status, err)
	}
	if status, _, err := visit(t, d, ours, theirs); err == nil {
		t.Errorf("of another authority: %d", status)
	}
	write(t, files.Cert, "half-written")
	eventually(t, "the fault is logged", func() bool {
		if status, serial, err := visit(t, d, ours, ours); status != http.StatusCreated || serial != 10 {
			t.Fatalf("while the files do not fit: %d, %d, %v", status, serial, err)
		}
		return strings.Contains(log.String(), "certificates not changed")
	})
	install(11)
	eventually(t, "it shows its new certificate", func() bool {
		status, serial, _ := visit(t, d, ours, ours)
		return status == http.StatusCreated && serial == 11
	})
}

func TestFilesThatAreNoCertificatesAreNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := newAuthority(t).pair(1)
	files := httpapi.TLSFiles{Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key"), ClientCA: filepath.Join(dir, "ca")}
	refused := func(why string) {
		t.Helper()
		if _, err := files.Config(quiet); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, want %q", err, why)
		}
	}
	refused(files.Cert)
	write(t, files.Cert, string(cert))
	write(t, files.Key, "no key")
	write(t, files.ClientCA, "no certificate")
	refused("are not a certificate and its key")
	write(t, files.Key, string(key))
	refused("has no certificate in it")
}
