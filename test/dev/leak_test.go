package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestALeakIsFoundInAnyFileAndNamedByItsLabel(t *testing.T) {
	t.Parallel()
	p := &plants{}
	leaking := p.plant("leaking password", password())
	p.plant("kept password", password())
	dir := filepath.Join(t.TempDir(), "data")
	write(t, filepath.Join(dir, "base", "1"), "\x00\x01"+p.canary()+"\x00")
	write(t, filepath.Join(dir, "pg_wal", "2"), "..."+base64.StdEncoding.EncodeToString([]byte("pw="+leaking)))

	s := newSearch(p)
	if err := s.tree(dir, postgresPlace); err != nil {
		t.Fatal(err)
	}
	if len(s.leaks) != 1 || len(s.leaks["leaking password"]) != 1 {
		t.Fatalf("leaks %v", s.leaks)
	}
	where := s.leaks["leaking password"][0]
	if !strings.Contains(where, "pg_wal/2") || !strings.Contains(where, placeWAL) || strings.Contains(where, leaking) {
		t.Errorf("found in %q", where)
	}
	// The canary was seen among the tables and nowhere else: the rest is unproven.
	blind := s.blind(p)
	if slices.Contains(blind, placeTables) || !slices.Contains(blind, placeWAL) || len(blind) != len(p.controls())-1 {
		t.Errorf("blind in %v", blind)
	}
}

func TestALeakAndABrokenSearchAreFaults(t *testing.T) {
	t.Parallel()
	p := &plants{}
	secret := p.plant("password", password())
	s := newSearch(p)
	if err := s.read(placeLogs, "worker.log", strings.NewReader("oops "+secret)); err != nil {
		t.Fatal(err)
	}
	f := findings{search: s, plants: p}
	faults := strings.Join(f.faults(), "\n")
	if !strings.Contains(faults, "leaked: password: worker.log (logs, raw)") || !strings.Contains(faults, "did not find in "+placeRows) {
		t.Errorf("faults:\n%s", faults)
	}
	if strings.Contains(faults, secret) || f.figures().Leaked != 1 {
		t.Errorf("the value is printed, or not counted: %+v", f.figures())
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
