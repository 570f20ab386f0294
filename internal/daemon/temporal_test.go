package daemon_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/daemon"
	"github.com/auditflow/auditflow/internal/temporalclient"
)

// section is what a section temporal says; DIR in it is a directory of the test's.
func section(t *testing.T, text string) (temporalclient.Config, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"empty": "", "key": "secret-key\n", "words": "two words"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	var f daemon.TemporalFile
	if err := config.Load(path, &f); err != nil {
		t.Fatal(err)
	}
	r := &config.Reader{Env: os.LookupEnv}
	return f.Read(r, "test"), r.Err()
}

func TestTLSIsOnWhereAnythingIsSaidThatNeedsIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"{}":                             false,
		"{tls: {}}":                      false,
		"{tls: {enabled: true}}":         true,
		"{tls: {server_name: temporal}}": true,
		"{api_key_file: DIR/key}":        true,
		"{api_key_file: DIR/key, tls: {enabled: false}}": false, // something beside it encrypts, as a mesh does
	} {
		if c, err := section(t, text); err != nil || c.TLS.Enabled != want {
			t.Errorf("%s: %t, %v", text, c.TLS.Enabled, err)
		}
	}
}

func TestFaultsOfTheConnectionToTemporalAreToldByField(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{tls: {enabled: false, server_name: x}}":                "temporal.tls.enabled: is false, and",
		"{tls: {ca_file: DIR/nowhere}}":                          "temporal.tls: open ",
		"{tls: {ca_file: DIR/key}}":                              "key has no certificate in it",
		"{tls: {cert_file: DIR/key}}":                            "temporal.tls: cert_file and key_file go together",
		"{tls: {cert_file: DIR/key, key_file: DIR/key}}":         "are not a certificate and its key",
		"{api_key_file: DIR/empty}":                              "temporal.api_key_file: ",
		"{api_key_file: DIR/words}":                              "has no API key in it: want one word",
		"{api_key_file: DIR/nowhere, tls: {ca_file: DIR/empty}}": "temporal.tls: ", // and that of the key, at once
	} {
		_, err := section(t, text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-key") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
