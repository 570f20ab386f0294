package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/failpoint"
)

// Publish writes the next manifest of the period. Of m it takes Period, Start,
// End, Schema, Segments, ArchivedAt and ArchivedBy; all else is computed, what is
// said of rows from the segments in the bucket. A Number other than 0 is the one
// that the caller expects. When a manifest with the same segments is there
// already, that one is the answer; when others were published meanwhile, the
// error is [ErrOutrun].
func (a *Archive) Publish(ctx context.Context, m audit.Manifest) (audit.Archived, error) {
	published, err := a.publish(ctx, m)
	return published, fail(err, "publish a manifest of %s", m.Period)
}

func (a *Archive) publish(ctx context.Context, m audit.Manifest) (none audit.Archived, err error) {
	before, err := a.Manifests(ctx, m.Period)
	if err != nil {
		return none, err
	}
	if same, ok := withSegments(before, m.Segments); ok {
		return same, nil
	}
	if m.Number != 0 && m.Number != len(before)+1 {
		return none, ErrOutrun
	}
	if m, err = a.fill(ctx, m, before); err != nil {
		return none, err
	}
	content, err := encodeManifest(m)
	if err != nil {
		return none, err
	}
	sum := sha256.Sum256(content)
	key := manifestKey(m.Period, m.Number)
	err = a.bucket.put(ctx, key, upload{bytes.NewReader(content), int64(len(content)), sum, "application/json"})
	if err != nil && !errors.Is(err, errExists) {
		return none, fail(err, "put %s", key)
	}
	failpoint.Hit("archive.manifest-put")

	// Read back: either ours, or that of whoever was faster.
	after, err := a.Manifests(ctx, m.Period)
	if err != nil {
		return none, err
	}
	if same, ok := withSegments(after, m.Segments); ok {
		return same, nil
	}
	return none, ErrOutrun
}

func withSegments(manifests []audit.Archived, segments []audit.Segment) (audit.Archived, bool) {
	for _, m := range manifests {
		if slices.Equal(m.Segments, segments) {
			return m, true
		}
	}
	return audit.Archived{}, false
}

// fill computes what a manifest says of its segments and its predecessor.
func (a *Archive) fill(ctx context.Context, m audit.Manifest, before []audit.Archived) (audit.Manifest, error) {
	m.Format, m.Table, m.Number, m.Previous = audit.ManifestFormat, auditTable, len(before)+1, ""
	if len(before) > 0 {
		m.Previous = before[len(before)-1].SHA256
	}
	m.Start, m.End, m.ArchivedAt = m.Start.UTC(), m.End.UTC(), m.ArchivedAt.UTC().Truncate(time.Microsecond)
	m.Segments = slices.Clone(m.Segments)
	m.Rows, m.Bytes, m.First, m.Last = 0, 0, audit.Key{}, audit.Key{}
	for i, s := range m.Segments {
		m.Rows, m.Bytes, m.Last = m.Rows+s.Rows, m.Bytes+s.Bytes, s.Last
		if i == 0 {
			m.First = s.First
		}
		for _, other := range before {
			if slices.ContainsFunc(other.Segments, func(o audit.Segment) bool { return o.Object == s.Object }) {
				return m, ErrOutrun
			}
		}
	}
	if err := fits(m, m.Period, m.Number); err != nil {
		return m, err
	}
	digests, policies := sha256.New(), map[string]bool{}
	for _, s := range m.Segments {
		if err := a.survey(ctx, s, func(r *row) { digests.Write(r.entry.Digest[:]); policies[r.Policy] = true }); err != nil {
			return m, fail(err, "read %s", s.Object)
		}
	}
	delete(policies, "") // not known
	m.Digest = hex.EncodeToString(digests.Sum(nil))
	m.Policies = slices.Sorted(maps.Keys(policies))
	return m, nil
}

// survey reads of a segment what a manifest tells of its rows, and compares.
func (a *Archive) survey(ctx context.Context, s audit.Segment, each func(*row)) error {
	f, err := a.remote(ctx, s, parquet.SkipBloomFilters(true))
	if err != nil {
		return err
	}
	sum := proof{hash: sha256.New()}
	for r, err := range f.rows(some(columnID, columnCreatedAt, columnDigest, columnPolicy), true) {
		if err != nil {
			return fmt.Errorf("cannot be read: %w", err)
		}
		sum.add(r.entry)
		each(r)
	}
	return sum.compare(s)
}
