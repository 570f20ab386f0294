package judge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

// archived is a row as the contract writes it, but for columns that the judge does
// not read.
type archived struct {
	ExecutionUID string   `parquet:"execution_uid,optional"`
	ExecutionID  string   `parquet:"execution_id"`
	WorkflowRef  string   `parquet:"workflow_ref"`
	ActionType   string   `parquet:"action_type"`
	Success      bool     `parquet:"success"`
	Output       string   `parquet:"output,optional"`
	Digest       [32]byte `parquet:"record_sha256"`
	PersistedAt  int64    `parquet:"persisted_at,timestamp(microsecond)"`
}

// shelf makes an archive of two manifests, each with one file.
func shelf(t *testing.T) string {
	t.Helper()
	dir, previous := t.TempDir(), ""
	period := filepath.Join(table, "period=2026_01")
	if err := os.MkdirAll(filepath.Join(dir, period), 0o755); err != nil {
		t.Fatal(err)
	}
	for n, uids := range [][]string{{"a", "b"}, {"c"}} {
		var rows []archived
		digests := sha256.New()
		for _, uid := range uids {
			digest := sha256.Sum256([]byte("digest of " + uid))
			_, _ = digests.Write(digest[:])
			rows = append(rows, archived{uid, "name-" + uid, "load", "scale", true, "said " + uid, digest, time.Unix(1_790_000_000, 0).UnixMicro()})
		}
		object := filepath.Join(period, "part-"+uids[0]+".parquet")
		if err := parquet.WriteFile(filepath.Join(dir, object), rows); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(dir, object))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		text, err := json.Marshal(manifest{
			Number: n + 1, Previous: previous, Rows: len(rows), Digest: hex.EncodeToString(digests.Sum(nil)),
			Segments: []segment{{Object: filepath.ToSlash(object), Rows: len(rows), SHA256: hex.EncodeToString(sum[:])}},
		})
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, period, []string{"manifest-00001.json", "manifest-00002.json"}[n]), text)
		own := sha256.Sum256(text)
		previous = hex.EncodeToString(own[:])
	}
	return dir
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAnArchiveIsReadByItsManifests(t *testing.T) {
	t.Parallel()
	a, err := ReadArchive(shelf(t), "load")
	if err != nil || len(a.Faults) > 0 || len(a.Rows) != 3 {
		t.Fatalf("%+v, %v", a, err)
	}
	r := a.Rows[2]
	if r.UID != "c" || r.Name != "name-c" || r.Action != "scale" || !r.Success || r.Output != sha256.Sum256([]byte("said c")) || r.Persisted.Unix() != 1_790_000_000 {
		t.Errorf("%+v", r)
	}
	if a, err := ReadArchive(shelf(t), "another"); err != nil || len(a.Rows) != 0 || len(a.Faults) != 0 {
		t.Errorf("of another load: %+v, %v", a, err)
	}
	if a, err := ReadArchive(filepath.Join(t.TempDir(), "none"), "load"); err != nil || len(a.Rows) != 0 {
		t.Errorf("where nothing was archived yet: %+v, %v", a, err)
	}
}

func TestWhatIsNotAsItsManifestSaysDoesNotCount(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		harm func(t *testing.T, period string)
		rows int
		said string
	}{
		"a bit flipped": {func(t *testing.T, period string) {
			t.Helper()
			path := filepath.Join(period, "part-a.parquet")
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			content[len(content)/2] ^= 1
			write(t, path, content)
		}, 1, "was altered"},
		"a file gone": {func(t *testing.T, period string) {
			t.Helper()
			if err := os.Remove(filepath.Join(period, "part-c.parquet")); err != nil {
				t.Fatal(err)
			}
		}, 2, "cannot be read"},
		"a manifest gone": {func(t *testing.T, period string) {
			t.Helper()
			if err := os.Remove(filepath.Join(period, "manifest-00001.json")); err != nil {
				t.Fatal(err)
			}
		}, 1, "does not follow"},
		"a manifest that tells of more": {func(t *testing.T, period string) {
			t.Helper()
			path := filepath.Join(period, "manifest-00002.json")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, []byte(strings.Replace(string(text), `"rows":1`, `"rows":2`, 1)))
		}, 2, "not those that it tells of"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := shelf(t)
			tc.harm(t, filepath.Join(dir, table, "period=2026_01"))
			a, err := ReadArchive(dir, "load")
			if err != nil || len(a.Rows) != tc.rows || len(a.Faults) != 1 || !strings.Contains(a.Faults[0], tc.said) {
				t.Errorf("%d rows, faults %q, %v", len(a.Rows), a.Faults, err)
			}
		})
	}
}
