package archive

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/auditflow/auditflow/audit"
)

// file is a Parquet file that is open for reading.
type file struct {
	*parquet.File
	at []int // of each of columns in the file, -1 for one that it has not
}

// openFile reads the footer of a file and makes sure that it knows its columns.
func openFile(from io.ReaderAt, size int64, options ...parquet.FileOption) (_ *file, err error) {
	defer recovered(&err)
	opened, err := parquet.OpenFile(from, size, options...)
	if err != nil {
		return nil, err
	}
	if format, _ := opened.Lookup(keyFormat); format != fileFormat {
		return nil, fmt.Errorf("its format is %q; this release reads %q", format, fileFormat)
	}
	f := &file{File: opened, at: make([]int, len(columns))}
	names := map[string]int{}
	for i, path := range opened.Schema().Columns() {
		names[path[0]] = i
	}
	for i, c := range columns {
		at, ok := names[c.name]
		if !ok {
			return nil, fmt.Errorf("it has no column %s", c.name)
		}
		f.at[i] = at
	}
	if len(names) != len(columns) {
		return nil, errors.New("it has columns that this release does not know")
	}
	return f, nil
}

// recovered makes an error of a panic: the decoder has them for bytes that no
// encoder wrote.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("it is not a Parquet file as we write them: %v", p)
	}
}

// some chooses columns by name.
func some(names ...string) func(column) bool {
	return func(c column) bool { return slices.Contains(names, c.name) }
}

func all(column) bool { return true }

// rows reads the chosen columns of all rows; see [group].
func (f *file) rows(chosen func(column) bool, reuse bool) iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		for n, g := range f.RowGroups() {
			for r, err := range (group{file: f, number: n, chosen: chosen, count: g.NumRows(), reuse: reuse}).rows() {
				if !yield(r, err) || err != nil {
					return
				}
			}
		}
	}
}

// group reads the chosen columns of one row group, count rows from the one at
// first; the others have zero values. A row is the caller's until the next one
// when reuse is set, and its own otherwise.
type group struct {
	*file
	number       int
	chosen       func(column) bool
	first, count int64
	reuse        bool
}

func (g group) rows() iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		readers, err := g.open()
		defer closeAll(readers)
		if err != nil {
			yield(nil, err)
			return
		}
		var batch []row
		for left := g.count; left > 0; left -= int64(len(batch)) {
			batch, err = g.read(readers, left, batch)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range batch {
				if !yield(&batch[i], nil) {
					return
				}
			}
		}
	}
}

func (g group) open() (readers []*columnReader, err error) {
	defer recovered(&err)
	chunks := g.RowGroups()[g.number].ColumnChunks()
	for i, c := range columns {
		if !g.chosen(c) {
			continue
		}
		r := &columnReader{column: c, pages: chunks[g.at[i]].Pages(), vocabulary: vocabulary{map[string]string{}, map[string]audit.ResourceUsage{}}}
		readers = append(readers, r)
		if g.first > 0 {
			if err := r.pages.SeekToRow(g.first); err != nil {
				return readers, fmt.Errorf("column %s: %w", c.name, err)
			}
		}
	}
	return readers, nil
}

func closeAll(readers []*columnReader) {
	for _, r := range readers {
		r.close()
	}
}

// read reads up to batchRows rows, no more than all readers have in their page:
// values lie in the memory of pages.
func (g group) read(readers []*columnReader, left int64, batch []row) (_ []row, err error) {
	defer recovered(&err)
	n := min(left, batchRows)
	for _, r := range readers {
		if err := r.turn(); err != nil {
			return nil, fmt.Errorf("column %s: %w", r.name, err)
		}
		n = min(n, r.left)
	}
	if batch == nil || !g.reuse {
		batch = makeBatch()
	}
	batch = batch[:n]
	if g.reuse {
		for i := range batch {
			*batch[i].Persisted, batch[i].entry = audit.Persisted{}, audit.Entry{}
		}
	}
	for _, r := range readers {
		if err := r.read(batch); err != nil {
			return nil, fmt.Errorf("column %s: %w", r.name, err)
		}
	}
	for i := range batch {
		batch[i].entry.At = batch[i].CreatedAt.UnixMicro()
	}
	return batch, nil
}

func makeBatch() []row {
	records, batch := make([]audit.Persisted, batchRows), make([]row, batchRows)
	for i := range batch {
		batch[i].Persisted = &records[i]
	}
	return batch
}

// columnReader reads one column of one row group.
type columnReader struct {
	column
	pages      parquet.Pages
	page       parquet.Page
	from       parquet.ValueReader
	left       int64 // rows in the page
	values     [batchRows]parquet.Value
	vocabulary vocabulary
}

// turn makes sure that the page has a row.
func (r *columnReader) turn() error {
	for r.left == 0 {
		parquet.Release(r.page)
		r.page = nil
		page, err := r.pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		r.page, r.from, r.left = page, page.Values(), page.NumRows()
	}
	return nil
}

func (r *columnReader) read(batch []row) error {
	values := r.values[:len(batch)]
	for got := 0; got < len(values); {
		n, err := r.from.ReadValues(values[got:])
		got += n
		if got < len(values) && (err != nil || n == 0) {
			return errors.Join(err, io.ErrUnexpectedEOF)
		}
	}
	r.left -= int64(len(batch))
	for i := range batch {
		if err := r.column.read(&batch[i], values[i], &r.vocabulary); err != nil {
			return err
		}
	}
	return nil
}

func (r *columnReader) close() {
	parquet.Release(r.page)
	_ = r.pages.Close() // it was only read
}
