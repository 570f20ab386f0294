package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/auditflow/auditflow/audit"
)

// Forge does what somebody would who can write to the bucket and has our code:
// rows with other content under their old digests, in a segment and a manifest
// that fit.
func Forge(ctx context.Context, t *testing.T, a *Archive, p audit.Period, rows []*audit.Persisted, m audit.Manifest) audit.Manifest {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	e := newEncoder(&b, p.Suffix())
	digests := sha256.New()
	for _, r := range rows {
		entry, err := r.Entry()
		must(err)
		digests.Write(entry.Digest[:])
		must(e.add(r, entry))
	}
	must(e.close())
	sum := sha256.Sum256(b.Bytes())
	first, last := rows[0], rows[len(rows)-1]
	s := audit.Segment{
		Object: segmentKey(p.Suffix(), 1, hex.EncodeToString(sum[:])), Rows: e.rows, Bytes: int64(b.Len()),
		SHA256: hex.EncodeToString(sum[:]), Digest: hex.EncodeToString(digests.Sum(nil)),
		First: audit.Key{CreatedAt: first.CreatedAt, ID: first.ID}, Last: audit.Key{CreatedAt: last.CreatedAt, ID: last.ID},
	}
	must(a.bucket.put(ctx, s.Object, upload{bytes.NewReader(b.Bytes()), s.Bytes, sum, "application/vnd.apache.parquet"}))
	m.Segments = []audit.Segment{s}
	m, err := a.fill(ctx, m, nil)
	must(err)
	content, err := encodeManifest(m)
	must(err)
	must(a.bucket.put(ctx, manifestKey(m.Period, 1), upload{bytes.NewReader(content), int64(len(content)), sha256.Sum256(content), "application/json"}))
	return m
}

// Versions counts the versions of all objects, and the marks that hide them.
func Versions(t *testing.T, a *Archive) int {
	t.Helper()
	d := a.bucket.driver.(*s3Driver)
	out, err := d.client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &d.bucket, Prefix: &a.bucket.prefix})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Versions) + len(out.DeleteMarkers)
}
