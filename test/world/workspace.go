package world

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// workspace is the directory of one world: logs, process ids (run) and the
// servers' data. While it is open nobody else can open it, and its watchdog
// cleans up after us if we die.
type workspace struct {
	dir       string
	temporary bool
	lock      *os.File
	watchdog  *watchdog
}

// openWorkspace creates dir, or a temporary directory when dir is empty.
func openWorkspace(dir string) (_ *workspace, err error) {
	ws := &workspace{temporary: dir == ""}
	if ws.temporary {
		ws.dir, err = os.MkdirTemp(temporaryBase(), "auditflow-world-")
	} else {
		ws.dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return nil, err
	}
	if err := ws.prepare(); err != nil {
		if ws.lock != nil {
			_ = ws.lock.Close()
		}
		if ws.temporary {
			_ = os.RemoveAll(ws.dir)
		}
		return nil, fmt.Errorf("prepare %s: %w", ws.dir, err)
	}
	return ws, nil
}

// temporaryBase avoids a TMPDIR that root sees but PostgreSQL's user does not.
func temporaryBase() string {
	if os.Geteuid() == 0 && !openToAll(os.TempDir()) {
		return "/tmp"
	}
	return os.TempDir()
}

func (ws *workspace) prepare() (err error) {
	for _, sub := range []string{ws.dir, ws.path("logs"), ws.path("run")} {
		if err := os.MkdirAll(sub, 0o755); err != nil {
			return err
		}
	}
	// A temporary directory begins with 0700; PostgreSQL may run as another user.
	if err := os.Chmod(ws.dir, 0o755); err != nil {
		return err
	}
	if ws.lock, err = lockFileWithin(ws.path("run", "lock"), 10*time.Second); err != nil {
		return err
	}
	ws.watchdog, err = startWatchdog(ws)
	return err
}

// lockFileWithin takes an exclusive lock. Waiting is worth while because the
// watchdog of a killed owner holds the lock until it has finished.
func lockFileWithin(path string, patience time.Duration) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) || time.Now().After(deadline) {
			_ = f.Close()
			return nil, fmt.Errorf("another world is using this directory: lock %s: %w", path, err)
		}
	}
}

func (ws *workspace) path(elem ...string) string {
	return filepath.Join(append([]string{ws.dir}, elem...)...)
}

func (ws *workspace) logFile(server string) string { return ws.path("logs", server+".log") }

// pidFile is read by the watchdog; see watchdogScript for its format.
func (ws *workspace) pidFile(server string) string { return ws.path("run", server+".pid") }

// close is for when all servers have stopped.
func (ws *workspace) close() error {
	err := ws.watchdog.dismiss()
	if ws.temporary {
		err = errors.Join(err, os.RemoveAll(ws.dir))
	}
	return errors.Join(err, ws.lock.Close())
}
