package proc

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestAProcessMayHaveAnyName(t *testing.T) {
	t.Parallel()
	s, ok := parse("42 (a) S 1 (b) R 7 0 0 0 0 0 0 0 0 0 150 50 20 10 0 0 1 0 99 0 0")
	if want := (stat{42, 7, 2 * time.Second, 300 * time.Millisecond}); !ok || s != want {
		t.Errorf("got %+v, %t, want %+v", s, ok, want)
	}
	if _, ok = parse("42 (cut"); ok {
		t.Error("what is cut off is understood")
	}
}

func TestWhatAChildSpentStaysWithItsParentWhenItHasEnded(t *testing.T) {
	t.Parallel()
	before := SpentByTree(os.Getpid())
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if spent := SpentByTree(os.Getpid()) - before; spent < 20*time.Millisecond {
		t.Errorf("counting to 100,000 in a child took %v", spent)
	}
}
