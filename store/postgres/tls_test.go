package postgres_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/test/world"
)

// authority is a certificate authority.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key, a.pem = certificate(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil)
	return a
}

// issue returns a certificate for a name, which 127.0.0.1 may use as well, and
// its key.
func (a *authority) issue(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	_, private, cert := certificate(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	return cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func certificate(t *testing.T, template *x509.Certificate, by *authority) (*x509.Certificate, *ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	must(t, err)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// secure is a server of which the role "by_password" wants TLS and a password,
// "by_certificate" TLS and a certificate in its name.
type secure struct {
	*world.Postgres
	admin *pgx.Conn
}

func newSecure(t *testing.T, ca *authority) secure {
	t.Helper()
	s := secure{Postgres: cluster(t)}
	s.admin = connect(t, s.URL)
	execute(t, s.admin, `CREATE ROLE by_password SUPERUSER LOGIN PASSWORD 'first'; CREATE ROLE by_certificate LOGIN`)
	hba, err := os.ReadFile(filepath.Join(s.DataDir, "pg_hba.conf"))
	must(t, err)
	s.write(t, "pg_hba.conf", []byte(`hostssl all by_password 127.0.0.1/32 scram-sha-256
hostssl all by_certificate 127.0.0.1/32 cert
hostnossl all by_password,by_certificate 127.0.0.1/32 reject
`+string(hba)))
	s.certify(t, ca)
	for _, setting := range []string{"ssl_cert_file = 'server.crt'", "ssl_key_file = 'server.key'", "ssl_ca_file = 'ca.crt'", "ssl = on"} {
		execute(t, s.admin, `ALTER SYSTEM SET `+setting)
	}
	s.reload(t)
	return s
}

// certify gives the server a certificate, and makes it trust those of the same
// authority.
func (s secure) certify(t *testing.T, ca *authority) {
	t.Helper()
	cert, key := ca.issue(t, "server")
	s.write(t, "server.crt", cert)
	s.write(t, "server.key", key)
	s.write(t, "ca.crt", ca.pem)
}

// write writes a file as the server wants it: its own, and nobody else's.
func (s secure) write(t *testing.T, name string, content []byte) {
	t.Helper()
	path := filepath.Join(s.DataDir, name)
	swap(t, path, content)
	info, err := os.Stat(s.DataDir)
	must(t, err)
	owner := info.Sys().(*syscall.Stat_t)
	must(t, os.Chown(path, int(owner.Uid), int(owner.Gid)))
}

// reload returns when new connections meet the new settings.
func (s secure) reload(t *testing.T) {
	t.Helper()
	before := column[time.Time](t, s.admin, `SELECT pg_conf_load_time()`)[0]
	execute(t, s.admin, `SELECT pg_reload_conf()`)
	until(t, s.admin, `SELECT pg_conf_load_time() > '`+before.Format(time.RFC3339Nano)+`'`)
}

// disconnect ends the connections of a role.
func (s secure) disconnect(t *testing.T, role string) {
	t.Helper()
	execute(t, s.admin, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = $1`, role)
}

// swap replaces a file in one step.
func swap(t *testing.T, path string, content []byte) {
	t.Helper()
	must(t, os.WriteFile(path+".new", content, 0o600))
	must(t, os.Rename(path+".new", path))
}

// address is a URL for a role at the server, certificates in dir.
func (s secure) address(t *testing.T, role, dir string) string {
	t.Helper()
	parsed, err := url.Parse(s.URL)
	must(t, err)
	parsed.User = url.User(role)
	parsed.RawQuery = "sslmode=verify-full&sslrootcert=" + filepath.Join(dir, "ca.crt")
	if role == "by_certificate" {
		parsed.RawQuery += "&sslcert=" + filepath.Join(dir, "tls.crt") + "&sslkey=" + filepath.Join(dir, "tls.key")
	}
	return parsed.String()
}

// credentials writes the files of a client.
func credentials(t *testing.T, dir string, ca *authority) {
	t.Helper()
	cert, key := ca.issue(t, "by_certificate")
	swap(t, filepath.Join(dir, "ca.crt"), ca.pem)
	swap(t, filepath.Join(dir, "tls.crt"), cert)
	swap(t, filepath.Join(dir, "tls.key"), key)
}

// anew calls the store until it has noticed that its connection is gone.
func anew(t *testing.T, store *postgres.Store) (err error) {
	t.Helper()
	for range 3 {
		if err = store.Ping(t.Context()); err == nil {
			return nil
		}
	}
	return err
}

func TestOnlyAServerThatProvesItsNameIsTalkedTo(t *testing.T) {
	t.Parallel()
	ca, dir := newAuthority(t), t.TempDir()
	server := newSecure(t, ca)
	credentials(t, dir, ca)
	password := filepath.Join(dir, "password")
	swap(t, password, []byte("first\n"))

	config := postgres.Config{URL: server.address(t, "by_password", dir), PasswordFile: password}
	must(t, open(t, config).Ping(t.Context()))
	certified := server.address(t, "by_certificate", dir)
	must(t, open(t, postgres.Config{URL: certified}).Ping(t.Context()))
	encrypted := column[bool](t, connect(t, certified), `SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`)
	equal(t, "encrypted", encrypted[0], true)

	err := open(t, postgres.Config{URL: strings.Replace(certified, "127.0.0.1", "localhost", 1)}).Ping(t.Context())
	if _, ok := errors.AsType[x509.HostnameError](err); !ok {
		t.Errorf("a certificate for another name: %v", err)
	}
	equal(t, "class", postgres.Class(err), postgres.ClassConnection)

	swap(t, filepath.Join(dir, "ca.crt"), newAuthority(t).pem)
	err = open(t, postgres.Config{URL: certified}).Ping(t.Context())
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
		t.Errorf("a certificate of another authority: %v", err)
	}
	equal(t, "class", postgres.Class(err), postgres.ClassConnection)

	config.URL = strings.Replace(config.URL, "sslmode=verify-full", "sslmode=disable", 1)
	err = open(t, config).Ping(t.Context())
	equal(t, "class without TLS", postgres.Class(err), postgres.ClassConnection)
}

func TestAPasswordMayChangeWhileTheStoreIsOpen(t *testing.T) {
	t.Parallel()
	ca, dir := newAuthority(t), t.TempDir()
	server := newSecure(t, ca)
	credentials(t, dir, ca)
	password := filepath.Join(dir, "password")
	swap(t, password, []byte("first\n"))
	store := open(t, postgres.Config{URL: server.address(t, "by_password", dir), PasswordFile: password, MaxConns: 1})
	must(t, store.Ping(t.Context()))

	execute(t, server.admin, `ALTER ROLE by_password PASSWORD 'second'`)
	must(t, store.Ping(t.Context())) // the connection that stands lives on
	server.disconnect(t, "by_password")
	err := anew(t, store)
	equal(t, "class with the old password", postgres.Class(err), postgres.ClassConnection)

	swap(t, password, []byte("second\n"))
	must(t, anew(t, store))
	must(t, store.Migrate(t.Context())) // on connections of its own

	must(t, os.Remove(password))
	must(t, store.Ping(t.Context()))
	server.disconnect(t, "by_password")
	for what, prepare := range map[string]func(){
		"missing": func() {},
		"empty":   func() { swap(t, password, []byte("\n")) },
	} {
		prepare()
		err := anew(t, store)
		equal(t, "class of "+what, postgres.Class(err), postgres.ClassConnection)
		if !strings.Contains(fmt.Sprint(err), password) {
			t.Errorf("%s file is not named: %v", what, err)
		}
	}
	swap(t, password, []byte("second"))
	must(t, anew(t, store))
}

func TestCertificatesMayChangeWhileTheStoreIsOpen(t *testing.T) {
	t.Parallel()
	old, dir := newAuthority(t), t.TempDir()
	server := newSecure(t, old)
	credentials(t, dir, old)
	store := open(t, postgres.Config{URL: server.address(t, "by_certificate", dir), MaxConns: 1})
	must(t, store.Ping(t.Context()))

	renewed := newAuthority(t)
	server.certify(t, renewed)
	server.reload(t)
	must(t, store.Ping(t.Context())) // the connection that stands lives on
	server.disconnect(t, "by_certificate")
	err := anew(t, store)
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
		t.Errorf("with the old authority: %v", err)
	}
	credentials(t, dir, renewed)
	must(t, anew(t, store))

	for name, cut := range map[string]int{"ca.crt": 10, "tls.crt": 100, "tls.key": 0} {
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		must(t, err)
		swap(t, path, whole[:cut])
		server.disconnect(t, "by_certificate")
		err = anew(t, store)
		equal(t, "class with half of "+name, postgres.Class(err), postgres.ClassConnection)
		if !strings.Contains(fmt.Sprint(err), path) {
			t.Errorf("half of %s is not named: %v", name, err)
		}
		swap(t, path, whole)
		must(t, anew(t, store))
	}
}
