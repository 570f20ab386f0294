package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"slices"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/failpoint"
)

// Write puts rows into segments, reads each back from the bucket, compares it
// with what was put in, and reports it; only then is it what Write returns, after
// the segments of an earlier attempt (done), whose rows are not among rows. While
// one segment is read back the next is encoded. Rows come in the order of the
// trail, none twice, and must not change once they were given.
//
// It fails at once when a row does not have the content of its digest, with a
// [*RowsError]; segments that were reported stay. report is called from one
// goroutine at a time, not the caller's.
func (a *Archive) Write(ctx context.Context, p audit.Period, rows iter.Seq2[*audit.Persisted, error], done []audit.Segment, report func(audit.Segment)) ([]audit.Segment, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := &writer{Archive: a, period: p, number: len(done), drafts: make(chan *draft)}
	if len(done) > 0 {
		last, err := placeOf(done[len(done)-1].Last)
		if err != nil {
			return nil, fail(err, "archive %s: go on after %s", p.Suffix(), done[len(done)-1].Object)
		}
		w.last, w.begun = last, true
	}

	segments := slices.Clone(done)
	settled := make(chan struct{})
	go func() {
		defer close(settled)
		for d := range w.drafts {
			segment, err := a.settle(ctx, p, d)
			if err != nil {
				cancel(err) // which ends the encoding
				continue
			}
			segments = append(segments, segment)
			report(segment)
		}
	}()
	err := w.encode(ctx, rows)
	close(w.drafts)
	<-settled
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return nil, fail(err, "archive %s", p.Suffix())
	}
	return segments, nil
}

// writer cuts rows into drafts.
type writer struct {
	*Archive
	period audit.Period
	number int // of the last segment
	last   audit.Entry
	begun  bool // there is a last
	drafts chan *draft
}

// draft is a segment that is not in the bucket yet.
type draft struct {
	*encoder
	spool   *spool
	number  int
	digests hash.Hash
	first   audit.Entry
	last    audit.Entry
}

func (w *writer) encode(ctx context.Context, rows iter.Seq2[*audit.Persisted, error]) (err error) {
	var d *draft
	defer func() {
		if d != nil {
			d.spool.close()
		}
	}()
	for r, err := range rows {
		if err != nil {
			return err
		}
		entry, err := w.accept(r)
		if err != nil {
			return err
		}
		if d == nil {
			if d, err = w.begin(); err != nil {
				return err
			}
		}
		if err := d.take(r, entry); err != nil {
			return err
		}
		if d.rows < w.config.SegmentRows && d.size() < w.config.SegmentBytes {
			continue
		}
		if err := w.hand(ctx, d); err != nil {
			return err
		}
		d = nil
	}
	if d == nil {
		return nil
	}
	last := d
	d = nil
	return w.hand(ctx, last)
}

// accept checks what can be seen of a row before it is encoded.
func (w *writer) accept(r *audit.Persisted) (audit.Entry, error) {
	entry, err := r.Entry()
	if err != nil {
		wrong := &RowsError{}
		wrong.add(r.ID)
		return entry, wrong
	}
	if w.begun && w.last.Compare(entry) >= 0 {
		return entry, fmt.Errorf("row %s does not follow the one before it in the order of the trail", r.ID)
	}
	if !w.period.Contains(r.CreatedAt) {
		return entry, fmt.Errorf("row %s is not of this period", r.ID)
	}
	w.last, w.begun = entry, true
	return entry, nil
}

func (w *writer) begin() (*draft, error) {
	s, err := newSpool(w.config.Dir)
	if err != nil {
		return nil, err
	}
	w.number++
	return &draft{encoder: newEncoder(s, w.period.Suffix()), spool: s, number: w.number, digests: sha256.New()}, nil
}

func (d *draft) take(r *audit.Persisted, entry audit.Entry) error {
	if d.rows == 0 {
		d.first = entry
	}
	d.last = entry
	d.digests.Write(entry.Digest[:])
	return d.add(r, entry)
}

// hand completes a draft and passes it on, once the one before it is settled.
func (w *writer) hand(ctx context.Context, d *draft) error {
	if err := d.close(); err != nil {
		d.spool.close()
		return fail(err, "encode segment %d", d.number)
	}
	d.spool.complete()
	failpoint.Hit("archive.segment-encoded")
	select {
	case w.drafts <- d:
		return nil
	case <-ctx.Done():
		d.spool.close()
		return ctx.Err()
	}
}

// settle puts a draft into the bucket and reads it back. An object that is there
// already was put there by an earlier attempt, which reading it shows as well.
func (a *Archive) settle(ctx context.Context, p audit.Period, d *draft) (s audit.Segment, err error) {
	defer d.spool.close()
	if err := ctx.Err(); err != nil {
		return s, err
	}
	s = audit.Segment{
		Object: segmentKey(p.Suffix(), d.number, d.spool.sum()),
		Rows:   d.rows, Bytes: d.spool.size, SHA256: d.spool.sum(),
		Digest: hex.EncodeToString(d.digests.Sum(nil)), First: d.first.Key(), Last: d.last.Key(),
	}
	if _, err := d.spool.file.Seek(0, io.SeekStart); err != nil {
		return s, fail(err, "put %s", s.Object)
	}
	err = a.bucket.put(ctx, s.Object, upload{d.spool.file, s.Bytes, d.spool.sha256, "application/vnd.apache.parquet"})
	if err != nil && !errors.Is(err, errExists) {
		return s, fail(err, "put %s", s.Object)
	}
	failpoint.Hit("archive.segment-put")
	in, err := a.inspect(ctx, s, p.Suffix(), false, func(int64) {})
	if err == nil && len(in.faults) > 0 {
		err = fail(in.faults[0], "read back %s", s.Object)
	}
	if err != nil {
		return s, err
	}
	failpoint.Hit("archive.segment-verified")
	return s, nil
}
