package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	must(t, err)
	return info.Mode()
}

func TestOnlyTheOwnerCanReadAFileOfKeys(t *testing.T) {
	t.Parallel()
	path := newKeyset(t)
	if mode(t, path) != 0o600 {
		t.Errorf("created with %v", mode(t, path))
	}
	must(t, os.Chmod(path, 0o644))
	o := environment{}.execute(t, "keyset", "rotate", path)
	fine(t, o)
	if mode(t, path) != 0o600 {
		t.Errorf("changed to %v", mode(t, path))
	}
	contains(t, "stderr", o.stderr, "others could read "+path+" (mode 0644)")
	if o := (environment{}).execute(t, "keyset", "rotate", path); strings.Contains(o.stderr, "others") {
		t.Errorf("told though nothing changed: %s", o.stderr)
	}
}

func TestAFileOfKeysIsReplacedOnlyByForce(t *testing.T) {
	t.Parallel()
	path := newKeyset(t)
	before := read(t, path)
	o := environment{}.execute(t, "keyset", "create", "-o", path)
	if o.code != exitUsage || read(t, path) != before {
		t.Errorf("%+v", o)
	}
	contains(t, "stderr", o.stderr, "--force")
	fine(t, environment{}.execute(t, "keyset", "create", "-o", path, "--force"))
	if read(t, path) == before || mode(t, path) != 0o600 {
		t.Errorf("not replaced by force, or mode %v", mode(t, path))
	}
	_, primary := keysOf(t, path)
	if primary == "" {
		t.Error("what is there now is no keyset")
	}
}

func TestALinkToAKeysetStaysOne(t *testing.T) {
	t.Parallel()
	path := newKeyset(t)
	link := filepath.Join(t.TempDir(), "link.json")
	must(t, os.Symlink(path, link))
	fine(t, environment{}.execute(t, "keyset", "rotate", link))
	if ids, _ := keysOf(t, path); len(ids) != 2 || mode(t, link)&os.ModeSymlink == 0 {
		t.Errorf("keys %v, mode of the link %v", ids, mode(t, link))
	}
	before := read(t, path)
	if o := (environment{}).execute(t, "keyset", "create", "-o", link); o.code != exitUsage || read(t, path) != before {
		t.Errorf("created over a link: %+v", o)
	}
}

// TestNoKeyIsLostWhenManyChangeOneFile: each either adds its key or says that it
// did not.
func TestNoKeyIsLostWhenManyChangeOneFile(t *testing.T) {
	t.Parallel()
	path := newKeyset(t)
	var added atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				switch o := (environment{}).execute(t, "keyset", "rotate", path); o.code {
				case exitOK:
					added.Add(1)
				case exitFailed:
				default:
					t.Errorf("%+v", o)
				}
			}
		})
	}
	all.Wait()
	if ids, _ := keysOf(t, path); int64(len(ids)) != added.Load()+1 || added.Load() == 0 {
		t.Errorf("%d keys, but %d were added to one", len(ids), added.Load())
	}
}

func TestWhatAnInterruptedChangeLeftIsNotTrodOn(t *testing.T) {
	t.Parallel()
	path := newKeyset(t)
	before := read(t, path)
	must(t, writeFile(path+".new", "left"))
	for _, args := range [][]string{{"rotate", path}, {"create", "-o", path, "--force"}} {
		o := environment{}.execute(t, append([]string{"keyset"}, args...)...)
		if o.code != exitFailed || read(t, path) != before || read(t, path+".new") != "left" {
			t.Errorf("%v: %+v", args, o)
		}
		contains(t, "stderr", o.stderr, path+".new is there", "remove that file")
	}
}

func TestAFileThatCannotBeWrittenIsAFailure(t *testing.T) {
	t.Parallel()
	o := environment{}.execute(t, "keyset", "create", "-o", "/nowhere/keyset.json")
	if o.code != exitFailed || o.stdout != "" {
		t.Errorf("%+v", o)
	}
	contains(t, "stderr", o.stderr, "write beside the keyset", "/nowhere/keyset.json.new")
}
