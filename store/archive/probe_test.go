package archive_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/auditflow/auditflow/store/archive"
)

func TestAProbeLeavesNothingBehindAndFailsWhereNothingCanBeWritten(t *testing.T) {
	onEveryBucket(t, func(t *testing.T, p place) {
		must(t, os.MkdirAll(p.files, 0o750))
		must(t, p.TryWrite(t.Context()))
		if left := filesBelow(t, p.files); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
		must(t, os.RemoveAll(p.files))
		must(t, os.WriteFile(p.files, nil, 0o600)) // a file where a directory has to be
		if err := p.TryWrite(t.Context()); archive.Class(err) == "" {
			t.Error("could write where nothing can be written")
		}
	})
}

func filesBelow(t *testing.T, dir string) (files []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // of directories, too, S3 has only those that hold something
		}
		if err == nil && !e.IsDir() {
			files = append(files, path)
		}
		return err
	}))
	return files
}
