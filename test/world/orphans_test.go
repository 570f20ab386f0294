package world

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// parentVariable makes this test binary start a world and wait to be killed.
const parentVariable = "WORLD_TEST_PARENT"

func runAsParent() int {
	w, err := Start(context.Background(), Options{Kubernetes: true, Temporal: true, PostgreSQL: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(w.Dir)
	select {}
}

func TestNothingOutlivesAParentThatDies(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{
		"of SIGKILL": syscall.SIGKILL,
		"of Ctrl-C":  syscall.SIGINT,
	} {
		t.Run(name, func(t *testing.T) {
			parent, dir := startParent(t)
			pids := recordedProcesses(t, dir)
			if len(pids) != 5 {
				t.Fatalf("recorded processes: %v, want five servers", pids)
			}
			if err := parent.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = parent.Wait()
			for server, pid := range pids {
				eventually(t, server+" is gone", func() (bool, error) { return !alive(pid), nil })
			}
			eventually(t, "the temporary directory is gone", func() (bool, error) {
				_, err := os.Stat(dir)
				return errors.Is(err, fs.ErrNotExist), err
			})
		})
	}
}

func startParent(t *testing.T) (parent *exec.Cmd, dir string) {
	t.Helper()
	parent = exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentVariable+"=1")
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = parent.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the parent did not start its world: %v", err)
	}
	return parent, strings.TrimSpace(line)
}

func recordedProcesses(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "run", "*.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pids := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pid, _, _ := strings.Cut(string(text), " ")
		if !alive(pid) {
			t.Errorf("%s: process %s is not running", filepath.Base(file), pid)
		}
		pids[filepath.Base(file)] = pid
	}
	return pids
}

// alive reads /proc because a zombie, dead but not yet collected by whoever
// inherited it, still takes signals.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}
