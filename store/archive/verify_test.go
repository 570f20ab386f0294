package archive_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/archive"
)

// damaged is a period with three manifests, on a bucket that can be damaged.
type damaged struct {
	place
	rows  []*audit.Persisted
	known []audit.Archived
}

func (d damaged) file(key string) string { return filepath.Join(d.files, key) }

func (d damaged) alter(t *testing.T, key string, change func([]byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(d.file(key))
	must(t, err)
	must(t, os.WriteFile(d.file(key), change(content), 0o600))
}

func (d damaged) swap(t *testing.T, one, other string) {
	t.Helper()
	a, err := os.ReadFile(d.file(one))
	must(t, err)
	d.alter(t, other, func(b []byte) []byte {
		d.alter(t, one, func([]byte) []byte { return b })
		return a
	})
}

func (d damaged) segment(manifest, n int) string { return d.known[manifest].Segments[n].Object }

// flip flips a bit, so far into an object.
func flip(part float64) func([]byte) []byte {
	return func(b []byte) []byte {
		b = slices.Clone(b)
		b[int(part*float64(len(b)))] ^= 4
		return b
	}
}

// damages are what can be done to objects, each with the objects that a finding
// must name, its verdict, and whether it shows without knowing the manifests.
var damages = map[string]struct {
	do      func(*testing.T, damaged)
	names   func(damaged) []string
	verdict audit.Verdict
	hidden  bool
}{
	"nothing": {func(*testing.T, damaged) {}, func(damaged) []string { return nil }, audit.Intact, false},
	"a bit is flipped in the middle of a segment": {
		func(t *testing.T, d damaged) { d.alter(t, d.segment(0, 1), flip(0.5)) },
		func(d damaged) []string { return []string{d.segment(0, 1)} }, audit.Altered, false},
	"bits are flipped in the ends of two segments": {
		func(t *testing.T, d damaged) {
			d.alter(t, d.segment(0, 0), flip(0.999))
			d.alter(t, d.segment(2, 0), flip(0.1))
		},
		func(d damaged) []string { return []string{d.segment(0, 0), d.segment(2, 0)} }, audit.Altered, false},
	"a segment is truncated": {
		func(t *testing.T, d damaged) {
			d.alter(t, d.segment(1, 0), func(b []byte) []byte { return b[:len(b)/2] })
		},
		func(d damaged) []string { return []string{d.segment(1, 0)} }, audit.Altered, false},
	"a segment is longer": {
		func(t *testing.T, d damaged) {
			d.alter(t, d.segment(1, 0), func(b []byte) []byte { return append(b, 0) })
		},
		func(d damaged) []string { return []string{d.segment(1, 0)} }, audit.Altered, false},
	"a segment is empty": {
		func(t *testing.T, d damaged) { d.alter(t, d.segment(1, 0), func([]byte) []byte { return nil }) },
		func(d damaged) []string { return []string{d.segment(1, 0)} }, audit.Altered, false},
	"a segment is deleted": {
		func(t *testing.T, d damaged) { must(t, os.Remove(d.file(d.segment(0, 2)))) },
		func(d damaged) []string { return []string{d.segment(0, 2)} }, audit.Missing, false},
	"two segments are swapped": {
		func(t *testing.T, d damaged) { d.swap(t, d.segment(0, 0), d.segment(0, 1)) },
		func(d damaged) []string { return []string{d.segment(0, 0), d.segment(0, 1)} }, audit.Altered, false},
	"a segment is deleted and another altered": {
		func(t *testing.T, d damaged) {
			must(t, os.Remove(d.file(d.segment(0, 2))))
			d.alter(t, d.segment(1, 0), flip(0.3))
		},
		func(d damaged) []string { return []string{d.segment(0, 2), d.segment(1, 0)} }, audit.Altered, false},
	"a manifest is edited": {
		func(t *testing.T, d damaged) {
			d.alter(t, d.known[0].Object, func(b []byte) []byte {
				return []byte(strings.Replace(string(b), "audit-archive/run", "audit-archive/ran", 1))
			})
		},
		// The next one tells that it was, without any other memory.
		func(d damaged) []string { return []string{d.known[0].Object} }, audit.Altered, false},
	"the last manifest is edited": {
		func(t *testing.T, d damaged) {
			d.alter(t, d.known[2].Object, func(b []byte) []byte {
				return []byte(strings.Replace(string(b), "audit-archive/run", "audit-archive/ran", 1))
			})
		},
		func(d damaged) []string { return []string{d.known[2].Object} }, audit.Altered, true},
	"a manifest has a name twice": {
		func(t *testing.T, d damaged) {
			d.alter(t, d.known[2].Object, func(b []byte) []byte {
				return []byte(strings.Replace(string(b), `  "rows"`, "  \"rows\": 0,\n  \"rows\"", 1))
			})
		},
		func(d damaged) []string { return []string{d.known[2].Object} }, audit.Altered, false},
	"a manifest in the middle is deleted": {
		func(t *testing.T, d damaged) { must(t, os.Remove(d.file(d.known[1].Object))) },
		func(d damaged) []string { return []string{d.known[1].Object} }, audit.Missing, false},
	"the last manifest is deleted": {
		func(t *testing.T, d damaged) { must(t, os.Remove(d.file(d.known[2].Object))) },
		func(d damaged) []string { return []string{d.known[2].Object} }, audit.Missing, true},
	"all manifests are deleted": {
		func(t *testing.T, d damaged) {
			for _, m := range d.known {
				must(t, os.Remove(d.file(m.Object)))
			}
		},
		func(d damaged) []string { return []string{d.known[0].Object, d.known[1].Object, d.known[2].Object} }, audit.Missing, true},
	"two manifests are swapped": {
		func(t *testing.T, d damaged) { d.swap(t, d.known[1].Object, d.known[2].Object) },
		func(d damaged) []string { return []string{d.known[1].Object, d.known[2].Object} }, audit.Altered, false},
}

func TestVerifyNamesWhatWasDamaged(t *testing.T) {
	onEveryBucket(t, func(t *testing.T, p place) {
		original := p.files + "/kubernetes_execution_audit/period=2025_01"
		p.config.SegmentRows = 40
		d := damaged{place: reopen(t, p)}
		for run := range 3 {
			rows := rowsOf(january, 120/(run+1), uint64(10+run))
			d.known = append(d.known, written(t, d.Archive, january, rows))
			d.rows = append(d.rows, rows...)
		}
		kept := t.TempDir()
		must(t, os.CopyFS(kept+"/period", os.DirFS(original)))
		for name, damage := range damages { // one after the other: they are done to the same objects
			must(t, os.RemoveAll(original))
			must(t, os.CopyFS(original, os.DirFS(kept+"/period")))
			damage.do(t, d)
			f := verify(t, d.Archive, january, d.known...)
			compare(t, name, f, damage.verdict, damage.names(d))
			if !damage.hidden {
				f = verify(t, d.Archive, january)
				equal(t, name+", nothing known: verdict", f.Verdict, damage.verdict)
			}
			unharmed(t, name, d, damage.verdict)
			foundOrTold(t, name, d)
		}
	})
}

// compare wants a finding to name some objects, and no others.
func compare(t *testing.T, name string, f audit.Finding, verdict audit.Verdict, names []string) {
	t.Helper()
	equal(t, name+": verdict", f.Verdict, verdict)
	var named []string
	for _, fault := range f.Faults {
		object, _, _ := strings.Cut(fault, ": ")
		named = append(named, object)
	}
	slices.Sort(named)
	slices.Sort(names)
	if named = slices.Compact(named); !slices.Equal(named, names) {
		t.Errorf("%s: faults are %q, want some about %q", name, f.Faults, names)
	}
}

// unharmed wants that reading yields rows as they were put in, and after them an
// error unless all were yielded.
func unharmed(t *testing.T, name string, d damaged, verdict audit.Verdict) {
	t.Helper()
	original := map[string]*audit.Persisted{}
	for _, r := range d.rows {
		original[r.ID] = r
	}
	for r, err := range d.Read(t.Context(), january.Start, january.End, "") {
		if err != nil {
			if class := archive.Class(err); class != archive.ClassAltered && class != archive.ClassNotFound {
				t.Errorf("%s: reading ends in %v, of class %s", name, err, class)
			}
			return
		}
		same(t, name, []*audit.Persisted{r}, []*audit.Persisted{original[r.ID]})
		delete(original, r.ID)
	}
	if len(original) > 0 && verdict != audit.Missing && name != "the last manifest is edited" {
		t.Errorf("%s: reading ends without an error and without %d rows", name, len(original))
	}
}

// foundOrTold wants that looking for an id yields its row as it was put in, or an
// error that says what is wrong with the archive, or nothing.
func foundOrTold(t *testing.T, name string, d damaged) {
	t.Helper()
	for i := 0; i < len(d.rows); i += 25 {
		for r, err := range d.Read(t.Context(), january.Start, january.End, d.rows[i].ID) {
			if err == nil {
				same(t, name, []*audit.Persisted{r}, []*audit.Persisted{d.rows[i]})
			} else if class := archive.Class(err); class != archive.ClassAltered && class != archive.ClassNotFound {
				t.Errorf("%s: looking for row %d ends in %v, of class %s", name, i, err, class)
			}
		}
	}
}

func TestAPeriodWithoutManifestsIsMissing(t *testing.T) {
	onEveryBucket(t, func(t *testing.T, p place) {
		segments, err := p.Write(t.Context(), january, each(rowsOf(january, 10, 1)), nil, func(audit.Segment) {})
		must(t, err)
		f := verify(t, p.Archive, january)
		equal(t, "verdict", f.Verdict, audit.Missing)
		equal(t, "unlisted", strings.Join(f.Unlisted, " "), segments[0].Object)
		equal(t, "entries", len(collect(t, p.Entries(t.Context(), january.Start, january.End))), 0)
	})
}

func TestAForgedManifestDoesNotHideForgedRows(t *testing.T) {
	onEveryBucket(t, func(t *testing.T, p place) {
		elsewhere := open(t, place{config: archive.Config{URL: "file://" + t.TempDir()}})
		good := written(t, elsewhere.Archive, january, rowsOf(january, 100, 1))
		forged := rowsOf(january, 100, 1)
		forged[50].Output = "nothing happened"
		manifest := archive.Forge(t.Context(), t, p.Archive, january, forged, manifestOf(january, nil))
		f := verify(t, p.Archive, january)
		compare(t, "nothing known", f, audit.Altered, []string{manifest.Segments[0].Object})
		if !strings.Contains(strings.Join(f.Faults, " "), forged[50].ID) {
			t.Errorf("the row is not named: %q", f.Faults)
		}
		equal(t, "verdict beside what is known", verify(t, p.Archive, january, good).Verdict, audit.Altered)
		for r, err := range p.Read(t.Context(), january.Start, january.End, forged[50].ID) {
			if err == nil {
				t.Errorf("the forged row was read: %s", r.ID)
			}
		}
	})
}
