package world

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
)

// account is the user PostgreSQL runs as when we are root, which it refuses.
// nil means ourselves.
type account struct{ uid, gid int }

func postgresAccount() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("no user to run as (it refuses to run as root): %w", err)
	}
	uid, uidErr := strconv.Atoi(u.Uid)
	gid, gidErr := strconv.Atoi(u.Gid)
	return &account{uid, gid}, errors.Join(uidErr, gidErr)
}

func (a *account) credential() *syscall.Credential {
	if a == nil {
		return nil
	}
	return &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
}

// prepareData makes DataDir hold a cluster.
func (p *Postgres) prepareData(ctx context.Context) (err error) {
	if p.user, err = postgresAccount(); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	home, err := p.home()
	if err != nil {
		return fmt.Errorf("postgres: prepare a directory for its data: %w", err)
	}
	p.DataDir = filepath.Join(home, "data")
	if _, err := os.Stat(filepath.Join(p.DataDir, "PG_VERSION")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return p.initdb(ctx, home)
}

// home is Dir/<name>. When we are root and Dir lies where other users may not
// go (below /root, say), that is a link to a directory in /var/tmp whose
// name follows from Dir.
func (p *Postgres) home() (string, error) {
	home := p.workspace.path(p.name)
	if p.user == nil {
		return home, os.MkdirAll(home, 0o700)
	}
	if !openToAll(p.workspace.dir) {
		link := home
		sum := sha256.Sum256([]byte(home))
		home = filepath.Join("/var/tmp", fmt.Sprintf("auditflow-postgres-%x", sum[:4]))
		_ = os.Remove(link)
		if err := os.Symlink(home, link); err != nil {
			return "", err
		}
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return "", err
	}
	return home, os.Chown(home, p.user.uid, p.user.gid)
}

// openToAll says whether any user may pass through dir and its parents.
func openToAll(dir string) bool {
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

// initdb makes the cluster under another name and renames it when it is whole.
func (p *Postgres) initdb(ctx context.Context, home string) error {
	locale := "C.UTF-8"
	if runtime.GOOS == "darwin" { // knows no C.UTF-8
		locale = "C"
	}
	fresh := filepath.Join(home, "data.new")
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("postgres: initdb: %w", err)
	}
	proc, err := p.workspace.start(command{
		name: p.name + "-initdb",
		path: filepath.Join(p.BinDir, "initdb"),
		// --no-sync is about these files only; the server itself syncs.
		args: []string{
			"-D", fresh, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=" + locale,
			"--no-sync", "--no-instructions",
		},
		dir:  home,
		user: p.user.credential(),
	})
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	if err := proc.wait(ctx); err != nil {
		return err
	}
	return os.Rename(fresh, p.DataDir)
}
