package archive_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/archive"
)

// dieDeleting is a part of TestACrash.
func dieDeleting(t *testing.T, program string) {
	t.Parallel()
	february := audit.PeriodOf(audit.Monthly, january.End)
	early, late, other := rowsOf(january, 700, 91)[:650], rowsOf(january, 700, 91)[650:], rowsOf(february, 20, 92)
	for deleted := 1; deleted <= 6; deleted++ { // two manifests and four segments
		t.Run(fmt.Sprintf("after %d objects", deleted), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := open(t, place{config: archive.Config{URL: "file://" + dir}, files: dir})
			written(t, p.Archive, january, early)
			written(t, p.Archive, january, late)
			written(t, p.Archive, february, other)
			die(t, program, crashDeleting+dir, fmt.Sprintf("archive.object-deleted:%d", deleted))

			left := append([]*audit.Persisted(nil), other...)
			if deleted == 1 { // the last manifest only
				left = append(append(left[:0], early...), other...)
			}
			same(t, "rows", read(t, p.Archive, january.Start, time.Time{}, ""), left)
			equal(t, "entries", len(collect(t, p.Entries(t.Context(), january.Start, time.Time{}))), len(left))
			same(t, "one row", read(t, p.Archive, time.Time{}, time.Time{}, other[7].ID), other[7:8])

			must(t, p.Delete(t.Context(), january.Suffix()))
			periods, err := p.Periods(t.Context())
			must(t, err)
			if len(periods) != 1 || periods[0] != february {
				t.Errorf("after the next deletion there is something of %v", periods)
			}
		})
	}
}

func TestAPeriodThatLeavesTheArchiveUnderAReaderIsNoFault(t *testing.T) {
	t.Parallel()
	february := audit.PeriodOf(audit.Monthly, january.End)
	other := rowsOf(february, 20, 94)
	for _, at := range []string{"/manifest-00001.json", "/manifest-00002.json", "/part-00001", "/part-00002"} {
		t.Run(at[1:], func(t *testing.T) {
			t.Parallel()
			tr, endpoint := newTrouble(t)
			prefix := "leaving-" + at[1:]
			p := open(t, place{config: archive.Config{URL: server.URL(server.Bucket, "endpoint", endpoint, "prefix", prefix)}})
			behind := open(t, place{config: archive.Config{URL: server.URL(server.Bucket, "prefix", prefix)}})
			written(t, p.Archive, january, rowsOf(january, 700, 93)[:650])
			written(t, p.Archive, january, rowsOf(january, 700, 93)[650:])
			written(t, p.Archive, february, other)

			var once sync.Once
			spoil := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if r.Method == http.MethodGet && strings.Contains(r.URL.Path, january.Suffix()+at) {
					once.Do(func() { must(t, behind.Delete(t.Context(), january.Suffix())) })
				}
				next.ServeHTTP(w, r)
			}
			tr.spoil.Store(&spoil)
			got := read(t, p.Archive, january.Start, time.Time{}, "")
			if n := len(got); n < len(other) || n == 720 {
				t.Fatalf("got %d rows: either those of february are missing, or nothing was deleted", n)
			}
			same(t, "the other period", got[len(got)-len(other):], other)
		})
	}
}

func TestASegmentThatIsGoneThoughItsManifestIsThereIsAFault(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := open(t, place{config: archive.Config{URL: "file://" + dir}, files: dir})
	m := written(t, p.Archive, january, rowsOf(january, 700, 95))
	must(t, os.Remove(filepath.Join(dir, m.Segments[1].Object)))
	var class string
	for _, err := range p.Read(t.Context(), january.Start, january.End, "") {
		class = archive.Class(err)
	}
	equal(t, "class", class, archive.ClassNotFound)
}
