package archive

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/auditflow/auditflow/audit"
)

// single reads the row of one id. It looks for it where the segment is, by the
// bloom filters and then the column of ids, and copies the segment only when it
// is there.
type single struct {
	whole
	id [16]byte
}

func (o single) rows(ctx context.Context, s audit.Segment, _ string) iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		remote, err := o.remote(ctx, s)
		if err != nil {
			yield(nil, err)
			return
		}
		number, at, found, err := remote.find(o.id, o.stretch)
		if err != nil || !found {
			if err != nil {
				yield(nil, err)
			}
			return
		}
		f, done, err := o.local(ctx, s)
		if err != nil {
			yield(nil, err)
			return
		}
		defer done()
		for r, err := range (group{file: f, number: number, chosen: all, first: at, count: 1}).rows() {
			if err == nil {
				err = genuine(r)
			}
			if err == nil && r.entry.ID != o.id {
				err = altered("row %d of row group %d is not the one it was a moment ago", at, number)
			}
			yield(r, err)
			return
		}
	}
}

// find looks for an id: in which row group it is, and which row of it.
func (f *file) find(id [16]byte, s stretch) (number int, at int64, found bool, err error) {
	defer recovered(&err)
	for number := range f.RowGroups() {
		first, count, err := f.within(number, s)
		if err != nil {
			return 0, 0, false, err
		}
		if count == 0 {
			continue
		}
		may, err := f.chunk(number, columnID).BloomFilter().Check(parquet.FixedLenByteArrayValue(id[:]))
		if err != nil {
			return 0, 0, false, fmt.Errorf("bloom filter: %w", err)
		}
		if !may {
			continue
		}
		at := first
		for r, err := range (group{file: f, number: number, chosen: some(columnID), first: first, count: count, reuse: true}).rows() {
			if err != nil {
				return 0, 0, false, err
			}
			if r.entry.ID == id {
				return number, at, true, nil
			}
			at++
		}
	}
	return 0, 0, false, nil
}

func (f *file) chunk(number int, name string) parquet.ColumnChunk {
	i := slices.IndexFunc(columns, func(c column) bool { return c.name == name })
	return f.RowGroups()[number].ColumnChunks()[f.at[i]]
}

// within is which rows of a row group are in the stretch: first is the first of
// them. It reads the pages of created_at only where the index says that the
// stretch begins or ends within one.
func (f *file) within(number int, s stretch) (first, count int64, err error) {
	defer recovered(&err)
	rows := f.RowGroups()[number].NumRows()
	index, err := f.chunk(number, columnCreatedAt).ColumnIndex()
	if err != nil {
		return 0, 0, err
	}
	if pages := index.NumPages(); index.MinValue(0).Int64() >= s.start && index.MaxValue(pages-1).Int64() < s.end {
		return 0, rows, nil
	} else if index.MinValue(0).Int64() >= s.end || index.MaxValue(pages-1).Int64() < s.start {
		return 0, 0, nil
	}
	end := int64(0)
	for r, err := range (group{file: f, number: number, chosen: some(columnCreatedAt), count: rows, reuse: true}).rows() {
		if err != nil {
			return 0, 0, err
		}
		if r.entry.At < s.start {
			first++
		}
		if r.entry.At < s.end {
			end++
		}
	}
	return first, max(0, end-first), nil
}
