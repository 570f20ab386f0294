package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The kinds of places that are searched. Each must show the search a word that
// is known to be there, or the search is broken and proves nothing.
const (
	placeTables    = "PostgreSQL tables"
	placeWAL       = "PostgreSQL WAL"
	placeRows      = "rows"
	placeTemporal  = "Temporal database"
	placeHistories = "Temporal histories"
	placeLogs      = "logs"
	placeEvents    = "Kubernetes events"
	placeMetrics   = "metrics"
)

// controls are those words.
func (p *plants) controls() map[string]string {
	return map[string]string{
		placeTables: p.canary(), placeWAL: p.canary(), placeRows: p.canary(),
		placeTemporal: canaryCase, placeHistories: canaryCase,
		placeLogs:   "database system is ready to accept connections",
		placeEvents: "AuditPersisted", placeMetrics: "go_goroutines",
	}
}

// canary is a harmless word of this run.
func (p *plants) canary() string {
	if p.word == "" {
		p.word = "canary" + random(lower, 20)
	}
	return p.word
}

// search is one pass over everything.
type search struct {
	scanner *scanner
	targets []target
	bytes   int64
	leaks   map[string][]string // label of the secret → where, in which form
	sighted map[string]bool     // places whose control was seen
}

// target is what a pattern of the scanner stands for.
type target struct {
	label, form string
	control     string // the place it must be seen in, for controls
}

func newSearch(p *plants) *search {
	s := &search{leaks: map[string][]string{}, sighted: map[string]bool{}}
	var patterns []string
	for _, secret := range p.list {
		for _, f := range forms(secret.value) {
			patterns = append(patterns, f.bytes)
			s.targets = append(s.targets, target{label: secret.label, form: f.name})
		}
	}
	for place, word := range p.controls() {
		patterns = append(patterns, word)
		s.targets = append(s.targets, target{control: place})
	}
	s.scanner = newScanner(patterns)
	return s
}

// read searches one file or dump; name tells people where it is.
func (s *search) read(place, name string, r io.Reader) error {
	size, err := s.scanner.scan(r, func(pattern int) {
		t := s.targets[pattern]
		if t.control != "" {
			s.sighted[place] = s.sighted[place] || t.control == place
			return
		}
		where := fmt.Sprintf("%s (%s, %s)", name, place, t.form)
		if !slices.Contains(s.leaks[t.label], where) {
			s.leaks[t.label] = append(s.leaks[t.label], where)
		}
	})
	s.bytes += size
	if err != nil {
		return fmt.Errorf("search %s: %w", name, err)
	}
	return nil
}

// tree searches all files below dir. Files that vanish meanwhile are no error.
func (s *search) tree(dir string, placeOf func(path string) string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return vanished(err)
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return vanished(s.file(placeOf(path), name, path))
	})
}

func (s *search) file(place, name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.read(place, name, f)
}

func vanished(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// blind are the places that were not shown to be searched.
func (s *search) blind(p *plants) []string {
	var places []string
	for place := range p.controls() {
		if !s.sighted[place] {
			places = append(places, place)
		}
	}
	slices.Sort(places)
	return places
}

// searchLeaks looks for every planted secret in everything at rest, but for the
// cluster's own etcd, where the executions themselves live.
func (st *stage) searchLeaks(ctx context.Context, p *plants, workflows []string) (*search, error) {
	// Only what has left PostgreSQL's memory can be read from its files.
	if _, err := st.db.Exec(ctx, "CHECKPOINT"); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	s := newSearch(p)
	for _, look := range []func() error{
		func() error { return s.tree(st.Postgres.DataDir, postgresPlace) },
		func() error { return s.temporalFiles(st.Temporal.DBFile) },
		func() error { return s.tree(st.LogDir(), func(string) string { return placeLogs }) },
		func() error { return st.dumpRows(ctx, s) },
		func() error { return st.dumpHistories(ctx, s, workflows) },
		func() error { return st.dumpEvents(ctx, s) },
		func() error { return st.dumpMetrics(ctx, s) },
	} {
		if err := look(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func postgresPlace(path string) string {
	if strings.Contains(path, "pg_wal") {
		return placeWAL
	}
	return placeTables
}

// temporalFiles are the SQLite file and, beside it, its -wal and -shm.
func (s *search) temporalFiles(file string) error {
	files, err := filepath.Glob(file + "*")
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := vanished(s.file(placeTemporal, filepath.Base(f), f)); err != nil {
			return err
		}
	}
	return nil
}
