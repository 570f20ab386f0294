package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/auditflow/auditflow/test/tool"
)

// What auditctl find promises: the first row at once, and all of them in memory
// that does not grow.
const (
	streamRows    = 1_000_000
	firstRowBound = 200 * time.Millisecond
	memoryBound   = 64 // MiB
)

// findFigures is out/find.json.
type findFigures struct {
	Rows       int     `json:"rows"`
	FirstRow   float64 `json:"first_row_ms"` // from the start of the process
	RowsPerSec float64 `json:"rows_per_s"`
	MaxRSS     float64 `json:"max_rss_mib"`
}

// stream has auditctl, built of this tree, print rows as JSON to a reader that
// is faster than it, and returns what did not stay within its bound.
func (b *queryBench) stream(ctx context.Context, url string, d dataset) ([]string, error) {
	dir, err := os.MkdirTemp("", "auditflow-load-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	auditctl := filepath.Join(dir, "auditctl")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", auditctl, module+"/cmd/auditctl").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build auditctl: %w: %s", err, out)
	}
	var f findFigures
	for _, rows := range []int{1, streamRows} { // once to have the program and the first rows in memory
		if f, err = readAll(ctx, auditctl, url, min(d.rows, rows)); err != nil {
			return nil, fmt.Errorf("auditctl find: %w", err)
		}
	}
	faults := f.faults()
	say(b.screen, "\n  auditctl find: first of %d rows after %.0f ms, %.0f rows/s, %.1f MiB at most", f.Rows, f.FirstRow, f.RowsPerSec, f.MaxRSS)
	return faults, tool.WriteFigures(b.findOut, f)
}

func (f findFigures) faults() (faults []string) {
	if f.FirstRow >= milliseconds(firstRowBound) {
		faults = append(faults, "auditctl's first row")
	}
	if f.MaxRSS >= memoryBound {
		faults = append(faults, "auditctl's memory")
	}
	return faults
}

// readAll runs one auditctl and counts its lines.
func readAll(ctx context.Context, auditctl, url string, rows int) (f findFigures, err error) {
	cmd := exec.CommandContext(ctx, auditctl, "find", "-o", "json", "--limit", strconv.Itoa(rows))
	cmd.Env = append(os.Environ(), urlVariable+"="+url)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	output, err := cmd.StdoutPipe()
	if err != nil {
		return f, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return f, err
	}
	first, err := f.count(output, cmd.Process.Pid)
	if waitErr := cmd.Wait(); waitErr != nil || err != nil {
		return f, fmt.Errorf("%w: %s", errors.Join(err, waitErr), complaint.String())
	}
	f.FirstRow = milliseconds(first.Sub(began))
	f.RowsPerSec = math.Round(float64(f.Rows) / time.Since(began).Seconds())
	if f.Rows != rows {
		return f, fmt.Errorf("it printed %d rows of %d", f.Rows, rows)
	}
	return f, nil
}

// count reads to the end. It looks at the process's memory while it reads, for
// afterwards the process is gone, and what wait tells of its memory would begin
// with ours, from which it was forked.
func (f *findFigures) count(output io.Reader, pid int) (first time.Time, err error) {
	buffer := make([]byte, 1<<20)
	var looked time.Time
	for {
		n, err := output.Read(buffer)
		if lines := bytes.Count(buffer[:n], []byte{'\n'}); lines > 0 {
			if f.Rows == 0 {
				first = time.Now()
			}
			f.Rows += lines
		}
		if now := time.Now(); n > 0 && now.Sub(looked) > 10*time.Millisecond {
			looked = now
			f.MaxRSS = max(f.MaxRSS, peakMemory(pid))
		}
		switch {
		case errors.Is(err, io.EOF):
			return first, nil
		case err != nil:
			return first, err
		}
	}
}

// peakMemory is the most that a process had in memory, in MiB; 0 where there is
// no /proc, or no such process any more.
func peakMemory(pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, found := strings.Cut(string(status), "VmHWM:")
	if !found {
		return 0
	}
	var kib float64
	_, _ = fmt.Sscan(after, &kib)
	return math.Round(kib/1024*10) / 10
}
