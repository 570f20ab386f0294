package redact_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit/redact"
)

// logText is what executions print: about n bytes of lines, some of which talk
// of keys and tokens without showing one.
func logText(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "2026-11-23T04:%02d:%02d.%06dZ INFO controller/scale.go:%d reconciling deployment web-%d namespace=payments replicas=%d\n", i/60%60, i%60, i, i%900, i%50, i%9)
		switch i % 12 {
		case 3:
			b.WriteString("W1123 reflector.go:561] token expired, getting a new one for serviceaccount default; key=web-5d9c7b6f4-x2k9p\n")
		case 7:
			b.WriteString("pulled registry.example.org/team/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 in 1.2s\n")
		case 11:
			b.WriteString(`{"level":"info","msg":"GET https://api.example.org/v1/items?page=2","status":200,"auth":"ok","secretName":"db-creds"}` + "\n")
		}
	}
	return b.String()
}

func BenchmarkTextOfALog(b *testing.B) {
	r := redact.New()
	for _, tc := range []struct{ name, text string }{
		{"plain", logText(1_500_000)},
		{"with secrets", strings.ReplaceAll(logText(1_500_000), "replicas=5", "DB_PASSWORD=hunter2")},
		{"in one line", strings.ReplaceAll(logText(1_500_000), "\n", " ")},
		{"made to be slow: eyJ", strings.Repeat("eyJ", 500_000)},
		{"made to be slow: token=", strings.Repeat("token=", 250_000)},
		{"made to be slow: quotes", strings.Repeat(`password":"`, 140_000)},
		{"made to be slow: escapes", strings.Repeat(`\`, 1_500_000)},
		{"made to be slow: URLs", strings.Repeat("http://token:", 115_000)},
	} {
		b.Run(tc.name, func(b *testing.B) {
			b.SetBytes(int64(len(tc.text)))
			b.ReportAllocs()
			for b.Loop() {
				r.Text(tc.text)
			}
		})
	}
}
