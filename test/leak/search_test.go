package leak_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/test/leak"
)

func TestALeakIsFoundInAnyFileAndNamedByItsLabel(t *testing.T) {
	t.Parallel()
	const leaking, cut, word = "Otter!Violin48213", "H4sIAAAAAAAA/6tWKkktLlGyUlAqS", "canary-of-this-test"
	s := leak.NewSearch([]leak.Secret{
		{Label: "leaking password", Value: leaking}, {Label: "kept password", Value: "Walnut!Comet77120"},
		{Label: "half of a blob", Value: "Juniper!Lantern90117", Parts: []string{cut}},
	}, word)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "base", "1"), "\x00\x01"+word+"\x00")
	write(t, filepath.Join(dir, "pg_wal", "2"), "..."+base64.StdEncoding.EncodeToString([]byte("pw="+leaking))+" "+cut)
	if err := s.Postgres(dir); err != nil {
		t.Fatal(err)
	}

	leaks := s.Leaks()
	if len(leaks) != 2 || leaks[0].Label != "half of a blob" || leaks[1].Label != "leaking password" || len(leaks[1].Where) != 1 {
		t.Fatalf("leaks %v", leaks)
	}
	told := leaks[1].String()
	if !strings.Contains(told, "pg_wal/2 ("+leak.PlaceWAL+", base64") || strings.Contains(told, leaking) {
		t.Errorf("told %q", told)
	}
	// The word was seen among the tables and nowhere else: the rest is unproven.
	if !s.Saw(leak.PlaceTables, word) || s.Saw(leak.PlaceWAL, word) || s.Bytes < 60 {
		t.Errorf("seen in tables %t, in WAL %t, %d bytes", s.Saw(leak.PlaceTables, word), s.Saw(leak.PlaceWAL, word), s.Bytes)
	}
}

func TestOfManyPlacesAFewAreTold(t *testing.T) {
	t.Parallel()
	l := leak.Leak{Label: "password", Where: []string{"a", "b", "c", "d", "e", "f"}}
	if got := l.String(); got != "password: a, b, c, d and 2 more" {
		t.Errorf("told %q", got)
	}
}

func TestADatabaseOfSQLiteIsSearchedWithItsWAL(t *testing.T) {
	t.Parallel()
	const word = "canary-of-this-test"
	file := filepath.Join(t.TempDir(), "temporal.db")
	write(t, file, "nothing")
	write(t, file+"-wal", word)
	s := leak.NewSearch(nil, word)
	if err := s.SQLite(file); err != nil || !s.Saw(leak.PlaceTemporal, word) {
		t.Errorf("not seen: %v", err)
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
