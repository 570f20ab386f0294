package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// The bounds. A writer that waits 50 ms for maintenance does not notice it among
// what a busy server makes it wait anyway; an archive that takes at most twice as
// long as COPY is bound by the database and not by us.
const (
	maxLockWait     = 50.0 // ms
	minArchiveSpeed = 0.5  // of COPY's rows per second
	maxArchiveBytes = 0.2  // of the table with its indexes
	maxMemory       = 256  // MiB
)

// figures is out/maintenance.json. What was not measured is null.
type figures struct {
	MaxLockWait        *float64 `json:"max_lock_wait_ms"`
	PartmanMaxLockWait *float64 `json:"partman_max_lock_wait_ms"`
	PartmanMissing     string   `json:"partman_missing,omitempty"` // why it was not measured
	ArchiveVsCopy      *float64 `json:"archive_vs_copy"`
	ArchiveBytesRatio  *float64 `json:"archive_bytes_ratio"`
	PeakRSS            *float64 `json:"peak_rss_mib"`
	Rows               int64    `json:"rows"` // of the archived period
	ArchiveRows        float64  `json:"archive_rows_per_s"`
	CopyRows           float64  `json:"copy_rows_per_s"`
	VerifyRows         float64  `json:"verify_rows_per_s"`
	RestoreRows        float64  `json:"restore_rows_per_s"`
	DuckDBRows         *int64   `json:"duckdb_rows"`
	DuckDBDigest       *bool    `json:"duckdb_digest_matches"`
	Seconds            float64  `json:"seconds"`

	Locks      *lockFigures `json:"locks,omitempty"`
	Partman    *lockFigures `json:"partman,omitempty"`
	Simulation any          `json:"simulation"`

	missed []string
}

// miss notes a bound that was not kept, in words.
func (f *figures) miss(format string, args ...any) {
	f.missed = append(f.missed, fmt.Sprintf(format, args...))
}

// verdict is nil when every bound was kept that was measured.
func (f *figures) verdict() error {
	if f.MaxLockWait != nil && *f.MaxLockWait > maxLockWait {
		f.miss("max_lock_wait_ms: %.1f is more than %.0f", *f.MaxLockWait, maxLockWait)
	}
	if f.ArchiveVsCopy != nil && *f.ArchiveVsCopy < minArchiveSpeed {
		f.miss("archive_vs_copy: %.2f is less than %.1f", *f.ArchiveVsCopy, minArchiveSpeed)
	}
	if f.ArchiveBytesRatio != nil && *f.ArchiveBytesRatio > maxArchiveBytes {
		f.miss("archive_bytes_ratio: %.3f is more than %.1f", *f.ArchiveBytesRatio, maxArchiveBytes)
	}
	if f.PeakRSS != nil && *f.PeakRSS >= maxMemory {
		f.miss("peak_rss_mib: %.1f is not less than %d", *f.PeakRSS, maxMemory)
	}
	if len(f.missed) == 0 {
		return nil
	}
	return fmt.Errorf("not within its bound: %s", strings.Join(f.missed, "; "))
}

func say(out io.Writer, format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }

func milliseconds(d time.Duration) float64 { return math.Round(float64(d)/1e4) / 100 }

func seconds(d time.Duration) float64 { return math.Round(float64(d)/1e7) / 100 }

// perSecond is a rate in whole rows.
func perSecond(rows int64, took time.Duration) float64 {
	return math.Round(float64(rows) / took.Seconds())
}

// rounded keeps that many decimals.
func rounded(x float64, decimals int) *float64 {
	scale := math.Pow10(decimals)
	x = math.Round(x*scale) / scale
	return &x
}
