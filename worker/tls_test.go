package worker_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/workflows"
)

// encrypted ends TLS in front of Temporal, which hears what was said in clear. It
// wants a certificate of its own kind from clients. The file has its certificate
// and its key.
func encrypted(t *testing.T) (address, file string) {
	t.Helper()
	borrowed := httptest.NewTLSServer(nil) // for its certificate, good for 127.0.0.1 and example.com
	borrowed.Close()
	own := borrowed.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "pair.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{own}, NextProtos: []string{"h2"}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go pass(from, servers.Temporal.Address)
		}
	}()
	return listener.Addr().String(), file
}

// pass carries bytes both ways until either side has enough.
func pass(from net.Conn, address string) {
	defer from.Close()
	to, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer to.Close()
	go func() { defer to.Close(); _, _ = io.Copy(to, from) }()
	_, _ = io.Copy(from, to)
}

func TestRecordsAreDeliveredOverTLSWithACertificate(t *testing.T) {
	t.Parallel()
	address, pair := encrypted(t)
	plain := newBatchDoor(t, "tls", workflows.BatchConfig{})
	c, err := temporalclient.Dial(temporalclient.Config{
		Address: address, Namespace: "tls",
		TLS: temporalclient.TLS{Enabled: true, CAFile: pair, CertFile: pair, KeyFile: pair},
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	starter := &workflows.Starter{Client: c, Sealer: plain.sealer, Redactor: plain.redactor}
	d := &batchDoor{workflows.NewBatcher(starter, workflows.BatchConfig{}), c, plain.sealer, plain.redactor}
	d.work(t) // which polls over TLS, too
	d.deliver(t, t.Context(), days(1)[0])
}
