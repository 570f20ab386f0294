package archive_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/archive"
)

func TestRowsComeBackAsTheyWerePutIn(t *testing.T) {
	onEveryBucket(t, func(t *testing.T, p place) {
		rows := rowsOf(january, 1000, 1)
		m := written(t, p.Archive, january, rows)
		same(t, "all rows", read(t, p.Archive, january.Start, january.End, ""), rows)
		got := collect(t, p.Entries(t.Context(), january.Start, january.End))
		if !slices.Equal(got, entries(t, rows)) {
			t.Error("the entries are not those of the rows")
		}

		equal(t, "segments", len(m.Segments), 4)
		equal(t, "rows", m.Rows, 1000)
		equal(t, "number", m.Number, 1)
		equal(t, "policies", strings.Join(m.Policies, " "), "builtin-1 builtin-2")
		equal(t, "first", m.First, key(rows[0]))
		equal(t, "last", m.Last, key(rows[999]))
		manifests, err := p.Manifests(t.Context(), january.Suffix())
		must(t, err)
		if len(manifests) != 1 || manifests[0].SHA256 != m.SHA256 {
			t.Errorf("manifests: %v", manifests)
		}
		f := verify(t, p.Archive, january, m)
		if f.Verdict != audit.Intact || f.Rows != 1000 || f.Bytes != m.Bytes || len(f.Unlisted) > 0 {
			t.Errorf("finding: %+v", f)
		}
	})
}

func TestARunThatIsRepeatedFindsItsOwn(t *testing.T) {
	onEveryBucket(t, func(t *testing.T, p place) {
		rows := rowsOf(january, 700, 2)
		first := written(t, p.Archive, january, rows)
		files := listing(t, p)
		again := written(t, reopen(t, p).Archive, january, rows)
		equal(t, "the manifest of the second run", again.SHA256, first.SHA256)
		if after := listing(t, p); !slices.Equal(after, files) {
			t.Errorf("objects after the second run: %v, before: %v", after, files)
		}
	})
}

func TestWriteGoesOnAfterTheSegmentsOfAnEarlierAttempt(t *testing.T) {
	onEveryBucket(t, func(t *testing.T, p place) {
		rows := rowsOf(january, 1000, 3)
		all, err := p.Write(t.Context(), january, each(rows), nil, func(audit.Segment) {})
		must(t, err)
		rest, err := p.Write(t.Context(), january, each(rows[600:]), all[:2], func(audit.Segment) {})
		must(t, err)
		if !slices.Equal(rest, all) {
			t.Errorf("segments of the second attempt: %v, of the first: %v", rest, all)
		}
		_, err = p.Write(t.Context(), january, each(rows[500:]), all[:2], func(audit.Segment) {})
		if err == nil || !strings.Contains(err.Error(), rows[500].ID) {
			t.Errorf("a row that is in a segment already: %v", err)
		}
	})
}

func TestARowWithoutTheContentOfItsDigestIsNotArchived(t *testing.T) {
	onEveryBucket(t, func(t *testing.T, p place) {
		rows := rowsOf(january, 400, 4)
		rows[7].Output += "s3cr3t"
		rows[350].RecordSHA256 = strings.Repeat("0", 64)
		var reported int
		_, err := p.Write(t.Context(), january, each(rows), nil, func(audit.Segment) { reported++ })
		var wrong *archive.RowsError
		if !errors.As(err, &wrong) || wrong.Count != 1 || wrong.IDs[0] != rows[7].ID || reported != 0 {
			t.Fatalf("got %v after %d segments, want an error about %s", err, reported, rows[7].ID)
		}
		equal(t, "class", archive.Class(err), archive.ClassAltered)
		if strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("the error has content: %v", err)
		}
	})
}

func TestWriteRefusesWhatIsNotATrail(t *testing.T) {
	t.Parallel()
	p := open(t, place{config: archive.Config{URL: "file://" + t.TempDir()}})
	rows := rowsOf(january, 10, 5)
	broken := errors.New("the connection is gone")
	precise := *rows[9]
	precise.StartTime = precise.CreatedAt.Add(time.Nanosecond)
	precise.RecordSHA256 = precise.Digest()
	elsewhere := rowsOf(audit.PeriodOf(audit.Monthly, january.End), 1, 5)[0]
	nameless := *rows[9]
	nameless.ID = "no UUID"
	for name, tc := range map[string]struct {
		rows []*audit.Persisted
		want string
	}{
		"a row twice":                        {[]*audit.Persisted{rows[0], rows[0]}, rows[0].ID},
		"rows out of order":                  {[]*audit.Persisted{rows[5], rows[4]}, rows[4].ID},
		"a row of another period":            {[]*audit.Persisted{rows[0], elsewhere}, elsewhere.ID},
		"a row whose id is none":             {[]*audit.Persisted{&nameless}, "no UUID"},
		"a time that a file would cut short": {[]*audit.Persisted{&precise}, precise.ID},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := p.Write(t.Context(), january, each(tc.rows), nil, func(audit.Segment) {})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error about %s", err, tc.want)
			}
		})
	}
	_, err := p.Write(t.Context(), january, func(yield func(*audit.Persisted, error) bool) { yield(nil, broken) }, nil, func(audit.Segment) {})
	if !errors.Is(err, broken) {
		t.Errorf("rows that end in an error: %v", err)
	}
}

func TestNoRowsMakeAnEmptyManifest(t *testing.T) {
	onEveryBucket(t, func(t *testing.T, p place) {
		m := written(t, p.Archive, january, nil)
		equal(t, "rows", m.Rows, 0)
		equal(t, "verdict", verify(t, p.Archive, january, m).Verdict, audit.Intact)
		equal(t, "entries", len(collect(t, p.Entries(t.Context(), january.Start, january.End))), 0)
	})
}

// listing is the files of all objects, relative to the place.
func listing(t testing.TB, p place) (files []string) {
	t.Helper()
	directory := p.files + "/kubernetes_execution_audit"
	periods, err := os.ReadDir(directory)
	must(t, err)
	for _, period := range periods {
		objects, err := os.ReadDir(directory + "/" + period.Name())
		must(t, err)
		for _, o := range objects {
			files = append(files, period.Name()+"/"+o.Name())
		}
	}
	return files
}
