package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob/fileblob"
)

// openDirectory opens a directory as a bucket. Without metadata: fileblob would
// keep it in a second file beside each.
func openDirectory(at place) (*bucket, error) {
	create := at.url.Query().Get("create_dir") != ""
	opened, err := fileblob.OpenBucket(at.url.Path, &fileblob.Options{
		CreateDir: create, DirFileMode: directoryMode, Metadata: fileblob.MetadataDontWrite,
	})
	if err != nil {
		return nil, fail(err, "open the directory")
	}
	return &bucket{blob: opened, prefix: at.prefix, driver: fileDriver{at.url.Path}}, nil
}

// Audit records are nobody else's business.
const (
	directoryMode = 0o750
	fileMode      = 0o640
)

// fileDriver writes files. fileblob looks whether there is one and renames, so
// of two writers at once the second would win; and it does not wait for the
// disk, so that a crash of the machine could leave an empty file.
type fileDriver struct{ dir string }

func (d fileDriver) path(key string) string { return filepath.Join(d.dir, filepath.FromSlash(key)) }

// put writes under a temporary name and links it to the final one, which fails
// if that is taken. What a crash leaves is never under a final name.
func (d fileDriver) put(ctx context.Context, key string, o upload) (err error) {
	path := d.path(key)
	if err := makeDirectories(filepath.Dir(path)); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".writing-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, temporary.Close(), os.Remove(temporary.Name())) }()
	if _, err := io.Copy(temporary, &contextReader{ctx, o.body}); err != nil {
		return err
	}
	if err := temporary.Chmod(fileMode); err != nil {
		return err
	}
	if err := temporary.Sync(); err != nil {
		return err
	}
	if err := os.Link(temporary.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return errExists
		}
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// directories reads one directory, where fileblob walks through all that is below.
func (d fileDriver) directories(prefix string) (names []string, err error) {
	slash := strings.LastIndexByte(prefix, '/') + 1
	entries, err := os.ReadDir(d.path(prefix[:slash]))
	if errors.Is(err, fs.ErrNotExist) { // nothing was ever put there
		_, err = os.Stat(d.dir)
		return nil, err
	}
	for _, e := range entries {
		if name, is := strings.CutPrefix(e.Name(), prefix[slash:]); is && e.IsDir() {
			names = append(names, name)
		}
	}
	return names, err
}

func (d fileDriver) empty(directory string) bool {
	entries, err := os.ReadDir(d.path(directory))
	return err == nil && len(entries) == 0
}

type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// makeDirectories is os.MkdirAll that survives a crash of the machine.
func makeDirectories(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := makeDirectories(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, directoryMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDirectory(filepath.Dir(dir))
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// remove takes the directory, too, when it was the last file in it.
func (d fileDriver) remove(_ context.Context, key string) error {
	path := d.path(key)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_ = os.Remove(filepath.Dir(path))
	return nil
}

func (fileDriver) locked(context.Context, string) (time.Time, error) { return time.Time{}, nil }

func (d fileDriver) check(context.Context) error {
	probe, err := os.CreateTemp(d.dir, ".writing-*")
	if err != nil {
		return fmt.Errorf("write there: %w", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}
