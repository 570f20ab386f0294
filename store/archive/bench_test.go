package archive_test

import (
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/archive"
)

// BenchmarkWrite archives one row at a time, in a directory: encoded, put, read
// back, its digest computed anew.
func BenchmarkWrite(b *testing.B) {
	a := benchArchive(b)
	b.ReportAllocs()
	b.ResetTimer()
	segments, err := a.Write(b.Context(), january, stream(b.N), nil, func(audit.Segment) {})
	must(b, err)
	b.StopTimer()
	size := int64(0)
	for _, s := range segments {
		size += s.Bytes
	}
	b.ReportMetric(float64(size)/float64(b.N), "bytes/row")
}

// BenchmarkVerify reads one row at a time back.
func BenchmarkVerify(b *testing.B) {
	a := benchArchive(b)
	segments, err := a.Write(b.Context(), january, stream(b.N), nil, func(audit.Segment) {})
	must(b, err)
	m := publish(b, a, january, segments)
	b.ReportAllocs()
	b.ResetTimer()
	equal(b, "verdict", verify(b, a, january, m).Verdict, audit.Intact)
}

// BenchmarkEntries reads what proves one row at a time.
func BenchmarkEntries(b *testing.B) {
	a := benchArchive(b)
	segments, err := a.Write(b.Context(), january, stream(b.N), nil, func(audit.Segment) {})
	must(b, err)
	publish(b, a, january, segments)
	b.ReportAllocs()
	b.ResetTimer()
	n := 0
	for _, err := range a.Entries(b.Context(), january.Start, january.End) {
		must(b, err)
		n++
	}
	equal(b, "entries", n, b.N)
}

// BenchmarkMakingRows is what to take off the others.
func BenchmarkMakingRows(b *testing.B) {
	for _, err := range stream(b.N) {
		must(b, err)
	}
}

func benchArchive(b *testing.B) *archive.Archive {
	b.Helper()
	a, err := archive.Open(b.Context(), archive.Config{URL: "file://" + b.TempDir()})
	must(b, err)
	b.Cleanup(func() { must(b, a.Close()) })
	return a
}

// stream makes rows one by one, so that no more are in memory than are needed;
// what making them costs is measured, too (see BenchmarkMakingRows).
func stream(n int) iter.Seq2[*audit.Persisted, error] {
	return func(yield func(*audit.Persisted, error) bool) {
		random := rand.New(rand.NewPCG(1, 1))
		for i := range n {
			if !yield(rowAt(january.Start.Add(time.Duration(i)*time.Microsecond), random), nil) {
				return
			}
		}
	}
}
