package telemetry_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditflow/auditflow/internal/telemetry"
)

// serve answers on a free port until the test ends, or stop is called, which
// returns what Serve did.
func serve(t *testing.T, g prometheus.Gatherer, ready telemetry.Ready) (url string, stop func() error) {
	t.Helper()
	address := free(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	var err error
	go func() {
		defer close(ended)
		err = telemetry.Serve(ctx, address, g, ready)
	}()
	stop = func() error {
		cancel()
		select {
		case <-ended:
			return err
		case <-time.After(30 * time.Second):
			return errors.New("does not end")
		}
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	for conn, err := net.Dial("tcp", address); ; conn, err = net.Dial("tcp", address) {
		if err == nil {
			_ = conn.Close()
			return "http://" + address, stop
		}
		select {
		case <-ended:
			t.Fatal("ended before it answered")
		case <-time.After(time.Millisecond):
		}
	}
}

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func always(context.Context) error { return nil }

func TestHealthIsNotReadiness(t *testing.T) {
	t.Parallel()
	var ready atomic.Bool
	url, _ := serve(t, prometheus.NewRegistry(), func(context.Context) error {
		if ready.Load() {
			return nil
		}
		return errors.New("waiting for PostgreSQL")
	})
	if status, body := get(t, url+"/healthz"); status != http.StatusOK || body != "ok\n" {
		t.Errorf("alive and not ready: /healthz %d %q", status, body)
	}
	if status, body := get(t, url+"/readyz"); status != http.StatusServiceUnavailable || body != "waiting for PostgreSQL\n" {
		t.Errorf("not ready: %d %q, want 503 and the reason", status, body)
	}
	ready.Store(true)
	if status, body := get(t, url+"/readyz"); status != http.StatusOK || body != "ok\n" {
		t.Errorf("ready: %d %q", status, body)
	}
	ready.Store(false)
	if status, _ := get(t, url+"/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("no longer ready: %d", status)
	}
}

func TestMetricsAreThoseOfTheGatherer(t *testing.T) {
	t.Parallel()
	registry := telemetry.Registry()
	questions := prometheus.NewCounter(prometheus.CounterOpts{Name: "questions_total", Help: "What was asked"})
	registry.MustRegister(questions)
	questions.Add(3)
	url, _ := serve(t, registry, always)
	status, body := get(t, url+"/metrics")
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	for _, want := range []string{"\nquestions_total 3\n", "\ngo_goroutines ", "\nprocess_open_fds "} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
}

func TestServingEndsWithItsContextAndFreesTheAddress(t *testing.T) {
	t.Parallel()
	url, stop := serve(t, prometheus.NewRegistry(), always)
	get(t, url+"/healthz")
	if err := stop(); err != nil {
		t.Errorf("ended with %v, want nil: it was told to", err)
	}
	again, err := net.Listen("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatalf("the address is still taken: %v", err)
	}
	_ = again.Close()
}

func TestAnAddressInUseIsNamed(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	err = telemetry.Serve(t.Context(), address, prometheus.NewRegistry(), always)
	if err == nil || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v, want an error that names %s", err, address)
	}
}

func TestLogsAreStructuredFromTheirLevelUp(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ format, level, want string }{
		"json":            {"json", "info", `"level":"INFO","msg":"seen","execution":"ex-1"}` + "\n"},
		"text":            {"text", "info", `level=INFO msg=seen execution=ex-1` + "\n"},
		"below its level": {"json", "warn", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			log := telemetry.Logger(&out, tc.format, tc.level)
			log.Info("seen", "execution", "ex-1")
			log.Debug("not seen")
			if got := out.String(); !strings.HasSuffix(got, tc.want) || tc.want == "" && got != "" || strings.Contains(got, "not seen") {
				t.Errorf("logged %q, want … %q", got, tc.want)
			}
		})
	}
}

func TestProfilesAreServedOnAPortOfTheirOwn(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	address := free(t)
	var log lockedBuffer
	if err := telemetry.Profiles(ctx, address, telemetry.Logger(&log, "json", "info")); err != nil {
		t.Fatal(err)
	}
	if status, body := get(t, "http://"+address+"/debug/pprof/goroutine?debug=1"); status != http.StatusOK || !strings.Contains(body, "goroutine profile") {
		t.Errorf("%d %.80s", status, body)
	}
	if status, _ := get(t, "http://"+address+"/metrics"); status != http.StatusNotFound {
		t.Errorf("metrics are there, too: %d", status)
	}
	if !strings.Contains(log.String(), address) {
		t.Errorf("the log does not say where: %s", log.String())
	}
	if err := telemetry.Profiles(ctx, address, telemetry.Logger(io.Discard, "json", "info")); err == nil {
		t.Error("two listen on one address")
	}
	stop()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		_ = conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("still listens")
		}
	}
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
