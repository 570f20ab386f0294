package archive

import (
	"context"
	"iter"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// Entries yields what proves the rows in the archive with created_at in the
// stretch, whichever period they were filed under, in the order of the trail,
// each once; a zero end is none. It reads three columns, in pieces. Entries that
// are not those that were written end in an error, but some may have been
// yielded before; what is to be relied on is what [Archive.Verify] found intact.
func (a *Archive) Entries(ctx context.Context, start, end time.Time) iter.Seq2[audit.Entry, error] {
	return func(yield func(audit.Entry, error) bool) {
		s := stretchOf(start, end)
		cursors, err := a.cursors(ctx, s)
		if err != nil {
			yield(audit.Entry{}, fail(err, "read the entries of the archive"))
			return
		}
		for r, err := range merged(ctx, cursors, proofs{a, s}) {
			if err != nil {
				yield(audit.Entry{}, err)
				return
			}
			if !yield(r.entry, nil) {
				return
			}
		}
	}
}

// Read yields the rows with created_at in the stretch in the order of the trail,
// each once; a zero end is none. Only the row of id unless that is empty: then
// files are searched where they are, and only one that has the row is copied. No
// row of a file is yielded before the file's SHA-256 was compared with its
// manifest's, and none whose content does not have its digest. A row is the
// caller's to keep.
func (a *Archive) Read(ctx context.Context, start, end time.Time, id string) iter.Seq2[*audit.Persisted, error] {
	return func(yield func(*audit.Persisted, error) bool) {
		s := stretchOf(start, end)
		cursors, err := a.cursors(ctx, s)
		if err != nil {
			yield(nil, fail(err, "read the archive"))
			return
		}
		var how reading = whole{a, s}
		if id != "" {
			place, err := placeOf(audit.Key{ID: id})
			if err != nil {
				yield(nil, fail(err, "read the archive"))
				return
			}
			how = single{whole{a, s}, place.ID}
		}
		for r, err := range merged(ctx, cursors, how) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(r.Persisted, nil) {
				return
			}
		}
	}
}

// whole reads segments that were copied and found to be what was written.
type whole struct {
	*Archive
	stretch stretch
}

func (w whole) rows(ctx context.Context, s audit.Segment, _ string) iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		f, done, err := w.local(ctx, s)
		if err != nil {
			yield(nil, err)
			return
		}
		defer done()
		for number := range f.RowGroups() {
			first, count, err := f.within(number, w.stretch)
			if err != nil {
				yield(nil, err)
				return
			}
			for r, err := range (group{file: f, number: number, chosen: all, first: first, count: count}).rows() {
				if err == nil {
					err = genuine(r)
				}
				if !yield(r, err) || err != nil {
					return
				}
			}
		}
	}
}

// genuine tells whether a row has the content of its digest.
func genuine(r *row) error {
	if r.Digest() != r.RecordSHA256 {
		return altered("the content of row %s does not have its digest", r.ID)
	}
	return nil
}

// local copies a segment and opens the copy, if its bytes are what was written.
func (a *Archive) local(ctx context.Context, s audit.Segment) (f *file, done func(), err error) {
	copied, err := a.fetch(ctx, s.Object, s.Bytes)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			copied.close()
		}
	}()
	if copied.sum() != s.SHA256 {
		return nil, nil, altered("its SHA-256 is not %s", s.SHA256)
	}
	if f, err = openFile(copied, copied.size); err != nil {
		return nil, nil, altered("%v", err)
	}
	return f, copied.close, nil
}
