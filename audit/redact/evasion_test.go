package redact_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit/redact"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func each(s, format string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}

func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b64(b.String())
}

// encodings are those that records are known to come with.
var encodings = map[string]func(string) string{
	"base64":                b64,
	"base64 twice":          func(s string) string { return b64(b64(s)) },
	"base64 three times":    func(s string) string { return b64(b64(b64(s))) },
	"URL base64":            func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"hexadecimal":           func(s string) string { return hex.EncodeToString([]byte(s)) },
	"gzip in base64":        zipped,
	"URL encoding":          url.QueryEscape,
	"URL encoding twice":    func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
	"base64 in a URL":       func(s string) string { return url.QueryEscape(b64(s + "?>>>")) },
	"every byte for a URL":  func(s string) string { return each(s, "%%%02X") },
	"JSON escapes":          func(s string) string { return each(s, `\u%04x`) },
	"JSON escapes in JSON":  func(s string) string { return each(s, `\\u%04X`) },
	"hexadecimal escapes":   func(s string) string { return each(s, `\x%02x`) },
	"entities":              func(s string) string { return each(s, "&#%d;") },
	"hexadecimal entities":  func(s string) string { return each(s, "&#x%x;") },
	"entities with names":   func(s string) string { return strings.ReplaceAll(s, "=", "&equals;") },
	"colours in between":    func(s string) string { return each(s, "%c\x1b[1m") },
	"unseen joiners":        func(s string) string { return each(s, "%c\u200d") },
	"base64 with \\/ in it": func(s string) string { return strings.ReplaceAll(b64(s+"???"), "/", `\/`) },
}

func TestEncodedSecretsAreFound(t *testing.T) {
	t.Parallel()
	r := redact.New()
	for name, encode := range encodings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			encoded := encode("DB_PASSWORD=hunter2xyz789")
			got, findings := r.Text("received: " + encoded + " :done")
			if len(findings) == 0 || strings.Contains(got, encoded[len(encoded)/2:]) {
				t.Errorf("%q became %q", encoded, got)
			}
			if !strings.HasPrefix(got, "received: ") || !strings.HasSuffix(got, " :done") {
				t.Errorf("too much was masked: %q", got)
			}
			checkText(t, r, "received: "+encoded+" :done")
		})
	}
}

func TestKnownSecretsAreFoundInEveryEncoding(t *testing.T) {
	t.Parallel()
	const secret = "Tr0ub4dor-and-3"
	for name, encode := range encodings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := record(`{"password":"` + secret + `"}`)
			encoded := encode("x " + secret + " y") // nothing here says what it is
			in.Output = "seen " + encoded + " there"
			got := redact.New().Record(in.Normalise()).Output
			if !strings.Contains(got, "[REDACTED:password]") || strings.Contains(got, encoded) {
				t.Errorf("%q became %q", encoded, got)
			}
		})
	}
}

func TestSecretsThatRunOverLines(t *testing.T) {
	t.Parallel()
	token := "ghp_" + mixed40[:36]
	long := b64("host=db.example.org user=app sslmode=disable application_name=reports password=hunter2xyz789 dbname=shop")
	wrap := func(s string, width int, between string) string {
		var lines []string
		for len(s) > width {
			lines, s = append(lines, s[:width]), s[width:]
		}
		return strings.Join(append(lines, s), between)
	}
	tests := []struct{ name, text, left string }{
		{"base64 at 64 columns", "blob: |\n" + wrap(long, 64, "\n") + "\nnext: 1", long[64:128]},
		{"base64 at 76 columns with carriage returns", wrap(long, 76, "\r\n"), long[76:]},
		{"base64 in a block of YAML", "blob: |\n    " + wrap(long, 64, "\n    ") + "\nnext: 1", long[64:128]},
		{"base64 with backslashes", `blob: "` + wrap(long, 60, "\\\n  ") + `"`, long[60:120]},
		{"a token at the end of 80 columns", strings.Repeat("word ", 12) + token[:20] + "\n" + token[20:] + " and more", token[20:]},
		{"a token with a backslash in it", "curl -H 'x: " + token[:20] + "\\\n" + token[20:] + "'", token[20:]},
		{"a command that goes on", "curl https://x \\\n  -u \\\n  admin:hunter2xyz", "hunter2xyz"},
	}
	r := redact.New()
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, _ := r.Text(tc.text)
			if strings.Contains(got, tc.left) {
				t.Errorf("%q became %q", tc.text, got)
			}
			checkText(t, r, tc.text)
		})
	}
}

func TestLinesThatAreNotWrappedStayApart(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("word ", 12) + "abcdefghij1234567890"
	for _, next := range []string{"2026-11-23T04:00:00Z INFO next", "key: value", "-----BEGIN CERTIFICATE-----"} {
		text := line + "\n" + next
		if got, _ := redact.New().Text(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}
