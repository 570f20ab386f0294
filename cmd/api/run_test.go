package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/daemon/daemontest"
)

// freeAddress is one that nobody listens to just now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestTheProgramTakesRecordsOnceItIsReadyAndStopsInGoodOrder(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	s, err := load(daemontest.Write(t, minimal+"listen: "+address+"\nauth: {tokens_file: "+
		daemontest.Write(t, "executor 0123456789abcdef\n")+"}\ntemporal: {address: "+temporal.Address+"}\ndatabase: {url: \""+database.URL+"\"}\n"),
		&config.Reader{Env: os.LookupEnv})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, s, slog.New(slog.DiscardHandler)) }()
	ask := func(method, path, body string) (status int, text string) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer 0123456789abcdef")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err.Error()
		}
		defer res.Body.Close()
		all, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(all)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		status, text := ask(http.MethodGet, "/readyz", "")
		if status == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not ready: %d %s", status, text)
		}
	}
	status, text := ask(http.MethodPost, httpapi.PathRecords, `{"execution_id":"ex","action_type":"scale","success":true,"created_at":"2026-02-03T04:05:06Z"}`)
	if status != http.StatusCreated {
		t.Errorf("answered %d %s", status, text)
	}
	if status, text := ask(http.MethodGet, "/metrics", ""); status != http.StatusOK || !strings.Contains(text, `auditflow_http_records_total{outcome="started"} 1`) {
		t.Errorf("metrics: %d", status)
	}
	_, text = ask(http.MethodGet, "/metrics", "")
	if !strings.Contains(text, "temporal_request_total{") || strings.Contains(text, "audit/HTTP/") {
		t.Error("metrics lack what Temporal's SDK counts, or have ids of workflows")
	}
	documented(t, text)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// documented checks that docs/metrics.md tells of every metric of ours that is served.
func documented(t *testing.T, served string) {
	t.Helper()
	docs, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(served) {
		name, kind, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "# TYPE "), " ")
		if strings.HasPrefix(line, "# TYPE auditflow_") && !strings.Contains(string(docs), "| `"+name+"` | "+kind+" | ") {
			t.Errorf("docs/metrics.md does not tell of %s, a %s", name, kind)
		}
	}
}

func TestFaultsOfWhoMayPostComeWithTheRest(t *testing.T) {
	t.Parallel()
	refused(t, minimal+"tls: {cert_file: a}\nauth: {tokens_file: "+daemontest.Write(t, "executor short\n")+", kubernetes_audience: x}\n",
		"tls: cert_file and key_file go together",
		"auth.tokens_file: line 1: the token is shorter than 16 characters",
		"auth.kubernetes_audience: is for auth.kubernetes, which is off",
	)
	refused(t, minimal+"auth: {client_ca_file: a, tokens_file: /nowhere}\n",
		"auth.client_ca_file: needs tls.cert_file and tls.key_file", "auth.tokens_file: open /nowhere")
	refused(t, minimal+"tls: {cert_file: /nowhere, key_file: /nowhere}\n", "tls: open /nowhere")
	tokens := daemontest.Write(t, "executor 0123456789abcdef\n")
	if o := execute("--config", daemontest.Write(t, minimal+"listen: \":1\"\nauth: {tokens_file: "+tokens+"}\n"), "--validate-config"); o.Code != 0 {
		t.Errorf("with tokens it may listen to the world: %s", o.Stderr)
	}
}
