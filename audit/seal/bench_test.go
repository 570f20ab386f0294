package seal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// BenchmarkSeal and BenchmarkOpen tell the price per envelope of records of about 2 KiB.
func BenchmarkSeal(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("records=%d", n), func(b *testing.B) {
			s, records := benchSealer(b), benchRecords(n)
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				envelope, err := s.Seal(records, Observed, "audit/batch/1")
				do(b, err)
				size = len(envelope)
			}
			b.ReportMetric(float64(size)/float64(n), "bytes/record")
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("records=%d", n), func(b *testing.B) {
			s := benchSealer(b)
			envelope, err := s.Seal(benchRecords(n), Observed, "audit/batch/1")
			do(b, err)
			b.ReportAllocs()
			for b.Loop() {
				_, err := s.Open(envelope, Observed, "audit/batch/1")
				do(b, err)
			}
		})
	}
}

func benchSealer(b *testing.B) *Sealer {
	b.Helper()
	path := filepath.Join(b.TempDir(), "keyset.json")
	do(b, os.WriteFile(path, text(b, newKeyset(b, Envelopes), nil), 0o600))
	s, err := Load(path)
	do(b, err)
	b.Cleanup(s.Close)
	return s
}

// benchRecords differ in what differs between executions: names, numbers, times.
func benchRecords(n int) []audit.Record {
	records := make([]audit.Record, n)
	for i := range records {
		created := time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC)
		records[i] = audit.Record{
			ID: audit.ID("bench", fmt.Sprint(i)), ExecutionID: fmt.Sprintf("scale-web-%d", i), ActionType: "scale-deployment",
			Cluster: "bench", Source: "KubernetesExecution", Phase: "Completed", Success: true, CreatedAt: created,
			Output: strings.Repeat(fmt.Sprintf("%s deployment web-%d: replica %d is ready\n", created, i%97, i), 24),
		}
	}
	return records
}
