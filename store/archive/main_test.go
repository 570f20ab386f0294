package archive_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/store/archive"
	"github.com/auditflow/auditflow/test/world"
)

// server is a real S3 server that all tests share; each has a prefix of its own.
var server *world.S3

func TestMain(m *testing.M) {
	if os.Getenv(crashEnvironment) != "" {
		os.Exit(m.Run()) // needs no server
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w, err := world.Start(ctx, world.Options{S3: true})
	if err != nil {
		return 0, err
	}
	defer func() {
		if stopErr := w.Stop(); err == nil {
			err = stopErr
		}
	}()
	server = w.S3
	for _, variable := range server.Environment() {
		name, value, _ := strings.Cut(variable, "=")
		if err := os.Setenv(name, value); err != nil {
			return 0, err
		}
	}
	return m.Run(), nil
}

// place is a bucket of a test: an archive on it, and a way to its objects that
// goes behind the archive's back.
type place struct {
	*archive.Archive
	config archive.Config
	files  string // the directory in which each object is a file
	locks  bool
}

// onEveryBucket runs a test on each kind of bucket.
func onEveryBucket(t *testing.T, test func(*testing.T, place)) {
	t.Helper()
	t.Parallel()
	t.Run("in a directory", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		test(t, open(t, place{config: archive.Config{URL: "file://" + dir + "?prefix=a/b"}, files: dir + "/a/b"}))
	})
	for name, bucket := range map[string]string{"on S3": server.Bucket, "on S3 with object lock": server.Locked} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prefix := fmt.Sprintf("%d-%s", time.Now().UnixNano(), strings.Map(letters, t.Name()))
			p := place{
				config: archive.Config{URL: server.URL(bucket, "prefix", prefix)},
				files:  server.DataDir + "/" + bucket + "/" + prefix, locks: bucket == server.Locked,
			}
			if p.locks {
				p.config.Lock = 24 * time.Hour
			}
			test(t, open(t, p))
		})
	}
}

func letters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return '-'
}

// open opens the place with segments of few rows, so that there are several.
func open(t testing.TB, p place) place {
	t.Helper()
	p.config.SegmentRows = 300
	return reopen(t, p)
}

func reopen(t testing.TB, p place) place {
	t.Helper()
	a, err := archive.Open(t.Context(), p.config)
	must(t, err)
	t.Cleanup(func() { must(t, a.Close()) })
	p.Archive = a
	return p
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
