package judge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"
)

// manifest is as much of a manifest.json as the judge believes in.
type manifest struct {
	Number   int       `json:"number"`
	Previous string    `json:"previous_sha256"`
	Rows     int       `json:"rows"`
	Digest   string    `json:"digest"`
	Segments []segment `json:"segments"`
}

type segment struct {
	Object string `json:"object"`
	Rows   int    `json:"rows"`
	SHA256 string `json:"sha256"`
}

// Archive is what lies in a directory of archives and can be proven.
type Archive struct {
	Rows []Row
	// Faults are manifests and files that are not what they are said to be. The rows
	// of such a file do not count.
	Faults []string
}

// ReadArchive reads all manifests below a directory, follows their chains, and
// reads the files that they name. What no manifest names is not archived.
func ReadArchive(dir, load string) (a Archive, err error) {
	manifests, err := filepath.Glob(filepath.Join(dir, table, "period=*", "manifest-*.json"))
	if err != nil {
		return a, err
	}
	slices.Sort(manifests) // their numbers have leading zeros
	previous := map[string]string{}
	for _, path := range manifests {
		text, err := os.ReadFile(path)
		if err != nil {
			return a, err
		}
		var m manifest
		if err := json.Unmarshal(text, &m); err != nil {
			a.fault("%s is no manifest", path)
			continue
		}
		period := filepath.Dir(path)
		if m.Previous != previous[period] {
			a.fault("%s does not follow the manifest before it", path)
		}
		sum := sha256.Sum256(text)
		previous[period] = hex.EncodeToString(sum[:])
		if err := a.readManifest(dir, m, load); err != nil {
			a.fault("%s: %v", path, err)
		}
	}
	return a, nil
}

func (a *Archive) fault(format string, args ...any) {
	a.Faults = append(a.Faults, fmt.Sprintf(format, args...))
}

// readManifest takes the rows of a manifest only if all of it is intact.
func (a *Archive) readManifest(dir string, m manifest, load string) error {
	var rows []Row
	digests, n := sha256.New(), 0
	for _, s := range m.Segments {
		path := filepath.Join(dir, filepath.FromSlash(s.Object))
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("%s cannot be read: %w", s.Object, err)
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != s.SHA256 {
			return fmt.Errorf("%s was altered", s.Object)
		}
		found, err := readParquet(path, s.Object, load, func(digest []byte) { _, _ = digests.Write(digest); n++ })
		if err != nil {
			return fmt.Errorf("%s: %w", s.Object, err)
		}
		rows = append(rows, found...)
	}
	if n != m.Rows || hex.EncodeToString(digests.Sum(nil)) != m.Digest {
		return errors.New("its rows are not those that it tells of")
	}
	a.Rows = append(a.Rows, rows...)
	return nil
}

// readParquet reads the columns that the judge needs, by their names.
func readParquet(path, object, load string, each func(digest []byte)) (rows []Row, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		return nil, err
	}
	column := map[string]int{}
	for i, path := range file.Schema().Columns() {
		column[path[0]] = i
	}
	for _, name := range []string{"execution_uid", "execution_id", "workflow_ref", "action_type", "success", "output", "record_sha256", "persisted_at"} {
		if _, is := column[name]; !is {
			return nil, fmt.Errorf("it has no column %s", name)
		}
	}
	take := func(r parquet.Row) error {
		each(r[column["record_sha256"]].ByteArray())
		if string(r[column["workflow_ref"]].ByteArray()) != load {
			return nil
		}
		rows = append(rows, Row{
			UID: string(r[column["execution_uid"]].ByteArray()), Name: string(r[column["execution_id"]].ByteArray()),
			Action: string(r[column["action_type"]].ByteArray()), Success: r[column["success"]].Boolean(),
			Output:    sha256.Sum256(r[column["output"]].ByteArray()),
			Persisted: time.UnixMicro(r[column["persisted_at"]].Int64()), Where: object,
		})
		return nil
	}
	return rows, eachRow(file, take)
}

// eachRow hands over the rows of a file without nested columns, one value each.
func eachRow(file *parquet.File, take func(parquet.Row) error) error {
	for _, group := range file.RowGroups() {
		rows := group.Rows()
		buffer := make([]parquet.Row, 256)
		for {
			n, err := rows.ReadRows(buffer)
			for _, r := range buffer[:n] {
				if err := take(r); err != nil {
					_ = rows.Close()
					return err
				}
			}
			if err != nil || n == 0 {
				if closed := rows.Close(); closed != nil {
					return closed
				}
				if err != nil && !errors.Is(err, io.EOF) {
					return err
				}
				break
			}
		}
	}
	return nil
}
