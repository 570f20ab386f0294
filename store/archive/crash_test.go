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

// crashEnvironment names the directory that a process archives into and dies, or,
// after the mark, deletes from.
const (
	crashEnvironment = "AUDITFLOW_ARCHIVE_CRASH"
	crashDeleting    = "delete:"
)

func TestADyingProcess(t *testing.T) {
	dir := os.Getenv(crashEnvironment)
	if dir == "" {
		return // it is the one below that starts this
	}
	if dir, deleting := strings.CutPrefix(dir, crashDeleting); deleting {
		must(t, open(t, place{config: archive.Config{URL: "file://" + dir}}).Delete(t.Context(), january.Suffix()))
		return
	}
	p := open(t, place{config: archive.Config{URL: "file://" + dir}})
	written(t, p.Archive, january, rowsOf(january, 700, 90))
}

// build builds these tests so that they die where they are told to.
func build(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "archive.test")
	build := exec.Command("go", "test", "-c", "-tags", "failpoints", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// die runs TestADyingProcess until it does.
func die(t *testing.T, program, task, point string) {
	t.Helper()
	dying := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-test.run", "^TestADyingProcess$")
	dying.Env = append(os.Environ(), crashEnvironment+"="+task, failpoint.Variable+"="+point)
	if out, err := dying.CombinedOutput(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("it did not die there: %v: %s", err, out)
	}
}

func TestACrash(t *testing.T) {
	t.Parallel()
	program := build(t)
	t.Run("at any point of a run: the next one goes on", func(t *testing.T) { dieWriting(t, program) })
	t.Run("at any point of a deletion: all else is read, and the next one goes on", func(t *testing.T) { dieDeleting(t, program) })
}

func dieWriting(t *testing.T, program string) {
	t.Parallel()
	rows := rowsOf(january, 700, 90)
	for _, point := range []string{
		"archive.segment-encoded", "archive.segment-put", "archive.segment-verified", "archive.manifest-put",
		"archive.segment-encoded:2", "archive.segment-put:3", "archive.segment-verified:2",
	} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			die(t, program, dir, point)
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
