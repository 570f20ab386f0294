package leak

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The kinds of places that are searched. Each must show the search a word that
// is known to be there, or the search is broken and proves nothing.
const (
	PlaceTables     = "PostgreSQL tables"
	PlaceWAL        = "PostgreSQL WAL"
	PlaceRows       = "rows"
	PlaceQuarantine = "quarantine"
	PlaceArchive    = "archive"
	PlaceTemporal   = "Temporal database"
	PlaceVisibility = "Temporal visibility"
	PlaceHistories  = "Temporal histories"
	PlaceLogs       = "logs"
	PlaceEvents     = "Kubernetes events"
	PlaceMetrics    = "metrics"
)

// Postgres searches the files of a database cluster, its log ahead among them.
// Only what has left the server's memory can be read there: CHECKPOINT first.
func (s *Search) Postgres(dir string) error {
	return s.Dir(dir, func(path string) string {
		if strings.Contains(path, "pg_wal") {
			return PlaceWAL
		}
		return PlaceTables
	})
}

// SQLite searches a database of Temporal's development server and, beside it,
// its -wal and -shm.
func (s *Search) SQLite(file string) error {
	files, err := filepath.Glob(file + "*")
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := vanished(s.File(PlaceTemporal, filepath.Base(f), f)); err != nil {
			return err
		}
	}
	return nil
}

// Dir searches all files below dir; placeOf says of which kind each is, by its
// path below dir. Files that vanish meanwhile are no error.
func (s *Search) Dir(dir string, placeOf func(path string) string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return vanished(err)
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return vanished(s.File(placeOf(name), name, path))
	})
}

// File searches one file.
func (s *Search) File(place, name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.Read(place, name, f)
}

func vanished(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
