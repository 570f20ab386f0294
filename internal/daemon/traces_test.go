package daemon_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/daemon"
	"github.com/auditflow/auditflow/internal/telemetry"
)

// read is what a file says, in an environment with at most the headers.
func read(t *testing.T, text, headers string) (telemetry.TracesConfig, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte("keyset_file: /keys\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	var f daemon.CommonFile
	if err := config.Load(path, &f); err != nil {
		return telemetry.TracesConfig{}, err
	}
	r := &config.Reader{Env: func(name string) (string, bool) { return headers, name == "AUDITFLOW_TRACES_HEADERS" && headers != "-" }}
	common := f.Read(r, "auditflow-x")
	return common.Traces, r.Err()
}

const unset = "-"

func TestTracesAreOffUnlessThereIsAnEndpoint(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "traces: {}\n", "traces: {endpoint: '', sample_ratio: 0.1}\n"} {
		c, err := read(t, text, "x-key=1") // for another program of the same environment
		if err != nil || c.Endpoint != "" {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
	}
}

func TestTracesGoWhereTheEndpointSays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http://otel-collector:4318":         "http://otel-collector:4318/v1/traces",
		"https://traces.example.com/":        "https://traces.example.com/v1/traces",
		"https://example.com/otlp/v1/traces": "https://example.com/otlp/v1/traces",
	} {
		c, err := read(t, "traces: {endpoint: '"+text+"', sample_ratio: 0.1}\n", unset)
		if err != nil || c.Endpoint != want || c.SampleRatio != 0.1 || c.Service != "auditflow-x" || !strings.HasPrefix(c.Instance, "auditflow-x@") {
			t.Errorf("%s: %+v, %v", text, c, err)
		}
	}
	if c, err := read(t, "traces: {endpoint: 'http://x:1'}\n", unset); err != nil || c.SampleRatio != 1 {
		t.Errorf("without a ratio: %+v, %v", c, err)
	}
}

func TestFaultsOfTheSectionAreToldByFieldAndQuoteNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "hunter2hunter2"
	for text, want := range map[string]string{
		"{endpoint: 'otel-collector:4318'}":                         "traces.endpoint: want the address of a collector",
		"{endpoint: 'grpc://x:4317'}":                               "traces.endpoint: want the address of a collector",
		"{endpoint: 'http://'}":                                     "traces.endpoint: want the address of a collector",
		"{endpoint: 'http://me:" + secret + "@x:4318'}":             "traces.endpoint: want no credentials",
		"{endpoint: 'http://x:4318/?key=" + secret + "'}":           "traces.endpoint: want no credentials",
		"{endpoint: 'http://x:4318', sample_ratio: 10%}":            "traces.sample_ratio: want a number from 0 to 1, not \"10%\"",
		"{endpoint: 'http://x:4318', sample_ratio: 1.01}":           "traces.sample_ratio: want a number from 0 to 1",
		"{endpoint: 'http://x:4318', sample_ratio: 'NaN'}":          "traces.sample_ratio: want a number",
		"{endpoint: 'http://x:4318', headers: {x: " + secret + "}}": "headers",
	} {
		if _, err := read(t, "traces: "+text+"\n", unset); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestHeadersComeFromTheEnvironment(t *testing.T) {
	t.Parallel()
	const on = "traces: {endpoint: 'http://x:4318'}\n"
	c, err := read(t, on, "Authorization=Bearer%20abc, x-tenant = audit ")
	if want := map[string]string{"Authorization": "Bearer abc", "x-tenant": "audit"}; err != nil || !maps.Equal(c.Headers, want) {
		t.Errorf("%v, %v", c.Headers, err)
	}
	for _, text := range []string{"", "hunter2", "=hunter2", "a b=hunter2", "a=", "a=hunter2%zz", "a=hunter2%0d%0ab", "a=hunter2,"} {
		if _, err := read(t, on, text); err == nil || !strings.Contains(err.Error(), "AUDITFLOW_TRACES_HEADERS") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
