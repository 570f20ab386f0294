package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"iter"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/auditflow/auditflow/audit"
)

// stretch is a stretch of created_at in microseconds; start inclusive, end
// exclusive.
type stretch struct{ start, end int64 }

func stretchOf(start, end time.Time) stretch {
	s := stretch{start.UnixMicro(), end.UnixMicro()}
	if end.IsZero() {
		s.end = 1<<63 - 1
	}
	return s
}

func (s stretch) meets(first, last audit.Key) bool {
	return first.CreatedAt.UnixMicro() < s.end && last.CreatedAt.UnixMicro() >= s.start
}

// reading is what a cursor opens segments with.
type reading interface {
	// rows yields what the reading wants of a segment, in its order.
	rows(ctx context.Context, s audit.Segment, period string) iter.Seq2[*row, error]
}

// cursor walks through the segments of one manifest. It opens none before its
// first row is wanted, and holds one at a time.
type cursor struct {
	archive  *Archive
	period   string
	manifest string          // its object
	segments []audit.Segment // that meet the stretch
	at       audit.Entry     // of the row, or before it while there is none
	row      *row
	next     func() (*row, error, bool)
	stop     func()
}

// cursors are one for each manifest that has anything in the stretch.
func (a *Archive) cursors(ctx context.Context, s stretch) ([]*cursor, error) {
	periods, err := a.periods(ctx)
	if err != nil {
		return nil, err
	}
	var cursors []*cursor
	for _, p := range periods {
		if p.Start.UnixMicro() >= s.end || p.End.UnixMicro() <= s.start {
			continue
		}
		manifests, err := a.Manifests(ctx, p.Suffix())
		if err != nil {
			return nil, err
		}
		for _, m := range manifests {
			c := &cursor{archive: a, period: m.Period, manifest: m.Object}
			for _, segment := range m.Segments {
				if s.meets(segment.First, segment.Last) {
					c.segments = append(c.segments, segment)
				}
			}
			if len(c.segments) == 0 {
				continue
			}
			if c.at, err = placeOf(c.segments[0].First); err != nil {
				return nil, fail(err, "read %s", m.Object)
			}
			cursors = append(cursors, c)
		}
	}
	return cursors, nil
}

// advance goes to the next row; false when there is none.
func (c *cursor) advance(ctx context.Context, how reading) (bool, error) {
	if c.next == nil {
		c.next, c.stop = iter.Pull2(c.rows(ctx, how))
	}
	r, err, more := c.next()
	if !more || err != nil {
		return false, err
	}
	c.row, c.at = r, r.entry
	return true, nil
}

func (c *cursor) rows(ctx context.Context, how reading) iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		for _, s := range c.segments {
			for r, err := range how.rows(ctx, s, c.period) {
				if Class(err) == ClassNotFound && c.left(ctx) {
					return
				}
				if !yield(r, fail(err, "read %s", s.Object)) || err != nil {
					return
				}
			}
		}
	}
}

// left tells whether the manifest is gone, too: then its segments are not lost,
// but have left the archive since the manifest was read, see [Archive.Delete].
func (c *cursor) left(ctx context.Context) bool {
	there, err := c.archive.bucket.exists(ctx, c.manifest)
	return err == nil && !there
}

func (c *cursor) close() {
	if c.stop != nil {
		c.stop()
	}
}

// proofs reads what proves rows, and nothing else, from the bucket itself. An
// entry is yielded before the whole of its segment is compared; that a segment's
// entries are not those that were written is told after the last of them.
type proofs struct {
	*Archive
	stretch stretch
}

func (p proofs) rows(ctx context.Context, s audit.Segment, _ string) iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		f, err := p.remote(ctx, s, parquet.SkipBloomFilters(true))
		if err != nil {
			yield(nil, err)
			return
		}
		sum := proof{hash: sha256.New()}
		for r, err := range f.rows(some(columnID, columnCreatedAt, columnDigest), true) {
			if err != nil {
				yield(nil, altered("cannot be read: %v", explain(err)))
				return
			}
			sum.add(r.entry)
			if r.entry.At < p.stretch.start || r.entry.At >= p.stretch.end {
				continue
			}
			if !yield(r, nil) {
				return
			}
		}
		if err := sum.compare(s); err != nil {
			yield(nil, err)
		}
	}
}

// proof is what a manifest says of the rows of a segment.
type proof struct {
	hash        hash.Hash
	rows        int64
	first, last audit.Entry
}

func (p *proof) add(e audit.Entry) {
	if p.rows == 0 {
		p.first = e
	}
	p.last = e
	p.rows++
	p.hash.Write(e.Digest[:])
}

func (p *proof) compare(s audit.Segment) error {
	if p.rows != s.Rows || p.first.Key() != s.First || p.last.Key() != s.Last || hex.EncodeToString(p.hash.Sum(nil)) != s.Digest {
		return altered("its rows are not those that its manifest speaks of")
	}
	return nil
}

// remote opens a segment where it is, to read some columns of it.
func (a *Archive) remote(ctx context.Context, s audit.Segment, options ...parquet.FileOption) (*file, error) {
	from := &tail{from: a.bucket.at(ctx, s.Object), size: s.Bytes}
	f, err := openFile(from, s.Bytes, append(options, parquet.ReadBufferSize(remoteBytes))...)
	if err != nil && !from.failed { // the bucket answered, and with something else
		err = altered("%s is not the Parquet file that its manifest speaks of", s.Object)
	}
	return f, err
}

// remoteBytes is how much is asked for in one request, at most: a column of a
// row group, mostly.
const remoteBytes = 1 << 20

// tail keeps the end of a file, in which its footer, indexes and bloom filters
// are, and asks for it once.
type tail struct {
	from io.ReaderAt
	size int64
	kept []byte
	// failed is set when the bucket did not give what it was asked for.
	failed bool
}

const tailBytes = 512 << 10

func (t *tail) ReadAt(p []byte, offset int64) (int, error) {
	begin := max(0, t.size-tailBytes)
	if offset < begin {
		n, err := t.from.ReadAt(p, offset)
		t.failed = t.failed || n < len(p)
		return n, err
	}
	if t.kept == nil {
		kept := make([]byte, t.size-begin)
		if n, err := t.from.ReadAt(kept, begin); n < len(kept) {
			t.failed = true
			if errors.Is(err, io.EOF) {
				err = altered("it is shorter than its manifest says")
			}
			return 0, err
		}
		t.kept = kept
	}
	if offset >= t.size {
		return 0, io.EOF
	}
	n := copy(p, t.kept[offset-begin:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
