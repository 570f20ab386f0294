package audit

import "time"

// ManifestFormat is the format of the manifests this release writes.
const ManifestFormat = 1

// Manifest says what one run put into the archive for one period. The runs of a
// period are numbered from 1; a later one holds the rows that came after the
// ones before it. Each names the digest of its predecessor, so that none can be
// taken away or exchanged unnoticed. A manifest is written once, last of all, and
// never changed: what no manifest names is not archived.
type Manifest struct {
	Format   int       `json:"format"`
	Table    string    `json:"table"`
	Period   string    `json:"period"` // [Period.Suffix]
	Start    time.Time `json:"start"`  // inclusive
	End      time.Time `json:"end"`    // exclusive
	Number   int       `json:"number"`
	Previous string    `json:"previous_sha256,omitempty"` // of the manifest before, in hexadecimal

	Schema int64 `json:"schema_version"` // of the database the rows were read from
	Rows   int64 `json:"rows"`
	Bytes  int64 `json:"bytes"` // of all segments
	// Digest is the SHA-256 of the rows' digests, 32 bytes each, in the order of
	// the trail.
	Digest   string    `json:"digest"`
	First    Key       `json:"first"`
	Last     Key       `json:"last"`
	Policies []string  `json:"policies,omitempty"` // versions of the redaction policy seen, sorted
	Segments []Segment `json:"segments"`

	ArchivedAt time.Time `json:"archived_at"`
	ArchivedBy string    `json:"archived_by,omitempty"` // workflow id and run id
}

// Segment is one Parquet file with a stretch of the period's rows in the order of
// the trail. Its name holds its own digest.
type Segment struct {
	Object string `json:"object"` // key in the bucket
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // of the file
	Digest string `json:"digest"` // as [Manifest.Digest]
	First  Key    `json:"first"`
	Last   Key    `json:"last"`
}

// Archived is a manifest with its own digest, as the catalogue notes it.
type Archived struct {
	Manifest
	SHA256     string    `json:"manifest_sha256"`
	Object     string    `json:"manifest_object"`
	VerifiedAt time.Time `json:"verified_at,omitzero"` // when it was last found intact, as a whole
}
