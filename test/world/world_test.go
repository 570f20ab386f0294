package world

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// shared is the world of this package's tests.
var shared *World

func TestMain(m *testing.M) {
	if os.Getenv(parentVariable) != "" {
		os.Exit(runAsParent())
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	log.SetLogger(logr.Discard()) // envtest's; it complains when nobody chose one
	w, err := Start(context.Background(), Options{
		Kubernetes: true, Temporal: true, TemporalUI: true, PostgreSQL: true,
		Progress: func(format string, args ...any) { fmt.Printf(format+"\n", args...) },
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shared = w
	code := m.Run()
	began := time.Now()
	if err := w.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Printf("stopped (%.1f s)\n", time.Since(began).Seconds())
	if _, err := os.Stat(w.Dir); !errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(os.Stderr, "the temporary directory %s is still there: %v\n", w.Dir, err)
		return 1
	}
	return code
}

// eventually waits for a condition; what says what was waited for.
func eventually(t *testing.T, what string, condition func() (bool, error)) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var ok bool
		if ok, err = condition(); ok {
			return
		}
	}
	t.Fatalf("waited for: %s (last error: %v)", what, err)
}

func TestAFailedStartStopsTheOthersAndSaysWhatToDo(t *testing.T) {
	scratch := t.TempDir()
	t.Setenv("TMPDIR", scratch)
	t.Setenv("KUBEBUILDER_ASSETS", filepath.Join(scratch, "nothing"))
	_, err := Start(t.Context(), Options{Kubernetes: true, PostgreSQL: true})
	if err == nil || !strings.Contains(err.Error(), `run "make tools"`) {
		t.Errorf("the error should name the command that builds what is missing: %v", err)
	}
	if left, _ := os.ReadDir(scratch); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestASecondWorldCannotOpenTheSameDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := openWorkspace(dir)
	if err != nil {
		t.Fatal(err)
	}
	if f, err := lockFileWithin(dir+"/run/lock", 0); err == nil {
		_ = f.Close()
		t.Error("the directory of a running world could be locked again")
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
	second, err := openWorkspace(dir)
	if err != nil {
		t.Fatalf("after the first has closed: %v", err)
	}
	if err := second.close(); err != nil {
		t.Fatal(err)
	}
}
