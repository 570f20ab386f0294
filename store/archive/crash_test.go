package archive_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/failpoint"
	"github.com/auditflow/auditflow/store/archive"
)

// crashEnvironment names the directory that a process archives into and dies.
const crashEnvironment = "AUDITFLOW_ARCHIVE_CRASH"

func TestADyingProcess(t *testing.T) {
	dir := os.Getenv(crashEnvironment)
	if dir == "" {
		return // it is the one below that starts this
	}
	p := open(t, place{config: archive.Config{URL: "file://" + dir}})
	written(t, p.Archive, january, rowsOf(january, 700, 90))
}

func TestAfterACrashAtAnyPointARunGoesOn(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "archive.test")
	build := exec.Command("go", "test", "-c", "-tags", "failpoints", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	rows := rowsOf(january, 700, 90)
	for _, point := range []string{
		"archive.segment-encoded", "archive.segment-put", "archive.segment-verified", "archive.manifest-put",
		"archive.segment-encoded:2", "archive.segment-put:3", "archive.segment-verified:2",
	} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			dying := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-test.run", "^TestADyingProcess$")
			dying.Env = append(os.Environ(), crashEnvironment+"="+dir, failpoint.Variable+"="+point)
			if out, err := dying.CombinedOutput(); err == nil || !strings.Contains(err.Error(), "killed") {
				t.Fatalf("it did not die there: %v: %s", err, out)
			}
			p := open(t, place{config: archive.Config{URL: "file://" + dir}, files: dir})
			f := verify(t, p.Archive, january)
			if f.Verdict == audit.Altered {
				t.Errorf("what it left is altered: %q", f.Faults)
			}
			m := written(t, p.Archive, january, rows)
			f = verify(t, p.Archive, january, m)
			// A put that was under way in another goroutine leaves its temporary file.
			litter := slices.ContainsFunc(f.Unlisted, func(key string) bool { return !strings.Contains(key, "/.writing-") })
			if f.Verdict != audit.Intact || litter {
				t.Errorf("after the next run: %+v", f)
			}
			same(t, "rows", read(t, p.Archive, january.Start, january.End, ""), rows)
		})
	}
}
