package temporalclient_test

import (
	"context"
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
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/auditflow/auditflow/internal/temporalclient"
)

// authority issues certificates; with no parent it is its own.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate for a name, good for so long from an hour ago.
func (a *authority) issue(t *testing.T, name string, good time.Duration) (certPEM, keyPEM string, made *authority) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(good - time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := template, key
	if a != nil {
		parent, signer = a.cert, a.key
	} else {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return text("CERTIFICATE", der), text("PRIVATE KEY", private), &authority{cert, key}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const day = 24 * time.Hour

// frontend speaks gRPC over TLS and asks for certificates of clients. What it
// answers does not matter here: worker has a test on Temporal itself.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer

	address string
	server  *grpc.Server

	mu   sync.Mutex
	seen []string // the name in the client's certificate and the headers, by request
}

func (f *frontend) GetSystemInfo(_ context.Context, _ *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func (f *frontend) DescribeNamespace(ctx context.Context, _ *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	who, _ := peer.FromContext(ctx)
	headers, _ := metadata.FromIncomingContext(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, strings.Join([]string{
		who.AuthInfo.(credentials.TLSInfo).State.PeerCertificates[0].Subject.CommonName,
		strings.Join(headers.Get("authorization"), ""), strings.Join(headers.Get("temporal-namespace"), ""),
	}, "|"))
	return &workflowservice.DescribeNamespaceResponse{}, nil
}

func (f *frontend) last() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen[len(f.seen)-1]
}

// start serves, again at the same address if it served before.
func (f *frontend) start(t *testing.T, cert, key string, clients *authority) {
	t.Helper()
	own, err := tls.X509KeyPair([]byte(cert), []byte(key))
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(clients.cert)
	if f.address == "" {
		f.address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", f.address)
	must(t, err)
	f.address = listener.Addr().String()
	f.server = grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{own}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
	})))
	workflowservice.RegisterWorkflowServiceServer(f.server, f)
	go func(s *grpc.Server) { _ = s.Serve(listener) }(f.server)
	t.Cleanup(f.server.Stop)
}

// files of one client.
type files struct{ dir string }

func (f files) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(f.dir, name)
	must(t, os.WriteFile(path+".new", []byte(text), 0o600))
	must(t, os.Rename(path+".new", path))
	return path
}

func check(t *testing.T, c client.Client) error {
	t.Helper()
	return temporalclient.Check(t.Context(), c, "audit")
}

func dial(t *testing.T, cfg temporalclient.Config) client.Client {
	t.Helper()
	cfg.Namespace = "audit"
	c, err := temporalclient.Dial(cfg, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// secured is a frontend, its authority, and a client that it takes.
func secured(t *testing.T) (*frontend, *authority, files, temporalclient.Config) {
	t.Helper()
	caPEM, _, ca := (*authority)(nil).issue(t, "authority", day)
	cert, key, _ := ca.issue(t, "frontend", day)
	f := &frontend{}
	f.start(t, cert, key, ca)
	mine := files{t.TempDir()}
	cert, key, _ = ca.issue(t, "first", day)
	return f, ca, mine, temporalclient.Config{
		Address: f.address, APIKeyFile: mine.write(t, "key", "key-1\n"),
		TLS: temporalclient.TLS{
			Enabled: true, ServerName: "frontend", CAFile: mine.write(t, "ca.crt", caPEM),
			CertFile: mine.write(t, "tls.crt", cert), KeyFile: mine.write(t, "tls.key", key),
		},
	}
}

func TestTheServerSeesOurCertificateAndTheKeyWithEveryRequest(t *testing.T) {
	t.Parallel()
	f, _, mine, cfg := secured(t)
	c := dial(t, cfg)
	must(t, check(t, c))
	if got := f.last(); got != "first|Bearer key-1|audit" {
		t.Errorf("it sees %s", got)
	}
	mine.write(t, "key", "key-2\n")
	must(t, check(t, c))
	if got := f.last(); got != "first|Bearer key-2|audit" {
		t.Errorf("after the key changed it sees %s", got)
	}
	mine.write(t, "key", "\n") // somebody is at it
	must(t, check(t, c))
	if got := f.last(); got != "first|Bearer key-2|audit" {
		t.Errorf("while there is none it sees %s", got)
	}
}

func TestCertificatesAndAuthoritiesThatWereRenewedServeTheNextConnection(t *testing.T) {
	t.Parallel()
	f, _, mine, cfg := secured(t)
	c := dial(t, cfg)
	must(t, check(t, c))
	f.server.Stop()
	caPEM, _, renewed := (*authority)(nil).issue(t, "authority", day)
	serverCert, serverKey, _ := renewed.issue(t, "frontend", day)
	cert, key, _ := renewed.issue(t, "second", day)
	mine.write(t, "ca.crt", caPEM)
	mine.write(t, "tls.crt", cert)
	mine.write(t, "tls.key", key)
	f.start(t, serverCert, serverKey, renewed)
	eventually(t, func() error { return check(t, c) })
	if got := f.last(); got != "second|Bearer key-1|audit" {
		t.Errorf("it sees %s", got)
	}
}

// eventually waits for the connection to be made again.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		if err = try(); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal(err)
}

// anything is what we are told of a connection that the server ends, for its reason
// may come too late, and where the system's authorities have to be read first.
const anything = ""

func TestAConnectionIsRefused(t *testing.T) {
	t.Parallel()
	strangersPEM, _, strangers := (*authority)(nil).issue(t, "authority", day)
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, ca *authority, mine files, cfg *temporalclient.Config)
		want  string
	}{
		"to a server that a stranger vouches for": {func(t *testing.T, _ *authority, mine files, _ *temporalclient.Config) {
			mine.write(t, "ca.crt", strangersPEM)
		}, "unknown authority"},
		"to a server of the right authority with another name": {func(_ *testing.T, _ *authority, _ files, cfg *temporalclient.Config) {
			cfg.TLS.ServerName = "elsewhere"
		}, "not elsewhere"},
		"to a server at an address that its certificate is not for": {func(_ *testing.T, _ *authority, _ files, cfg *temporalclient.Config) {
			cfg.TLS.ServerName = ""
		}, "127.0.0.1"},
		"to a server that the system's authorities do not know": {func(_ *testing.T, _ *authority, _ files, cfg *temporalclient.Config) {
			cfg.TLS.CAFile = ""
		}, anything},
		"with a certificate that has expired": {func(t *testing.T, ca *authority, mine files, _ *temporalclient.Config) {
			cert, key, _ := ca.issue(t, "late", time.Minute)
			mine.write(t, "tls.crt", cert)
			mine.write(t, "tls.key", key)
		}, anything},
		"with a certificate of a stranger's": {func(t *testing.T, _ *authority, mine files, _ *temporalclient.Config) {
			cert, key, _ := strangers.issue(t, "stranger", day)
			mine.write(t, "tls.crt", cert)
			mine.write(t, "tls.key", key)
		}, anything},
		"without a certificate": {func(_ *testing.T, _ *authority, _ files, cfg *temporalclient.Config) {
			cfg.TLS.CertFile, cfg.TLS.KeyFile = "", ""
		}, anything},
		"in clear": {func(_ *testing.T, _ *authority, _ files, cfg *temporalclient.Config) {
			cfg.TLS = temporalclient.TLS{}
		}, anything},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, ca, mine, cfg := secured(t)
			tc.spoil(t, ca, mine, &cfg)
			err := check(t, dial(t, cfg))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("want an error with %q, got %v", tc.want, err)
			}
			if len(f.seen) > 0 {
				t.Errorf("the server has answered %v", f.seen)
			}
		})
	}
}
