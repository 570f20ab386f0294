package archive

import (
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/auditflow/auditflow/audit"
)

// How a file is cut. All of it is part of the format: it decides the bytes.
const (
	rowGroupRows  = 32_768   // one bloom filter and one dictionary for so many
	rowGroupBytes = 32 << 20 // raw
	batchRows     = 256      // handed to the columns at a time
	batchBytes    = 1 << 20  // raw; bounds what a batch of big rows costs
	pageBytes     = 256 << 10
)

// encoder writes rows into one Parquet file.
type encoder struct {
	file    *parquet.GenericWriter[any]
	columns []*parquet.ColumnWriter
	batch   []row
	values  []parquet.Value
	arena   arena

	rows       int64
	bytes      int64 // raw, of all rows
	batchBytes int
	groupRows  int64
	groupBytes int64
}

func newEncoder(to io.Writer, period string) *encoder {
	e := &encoder{file: parquet.NewGenericWriter[any](to, &parquet.WriterConfig{
		Schema:               schema,
		CreatedBy:            createdBy,
		Compression:          compression,
		PageBufferSize:       pageBytes,
		DataPageVersion:      parquet.DefaultDataPageVersion,
		DataPageStatistics:   true,
		WriteBufferSize:      parquet.DefaultWriteBufferSize,
		MaxRowsPerRowGroup:   parquet.DefaultMaxRowsPerRowGroup,
		ColumnPageBuffers:    parquet.NewBufferPool(),
		ColumnIndexSizeLimit: func([]string) int { return 64 },
		SkipPageBounds:       unbounded,
		// At the end, so that one request gets them together with the footer.
		DeferredBloomFiltersBuffers: parquet.NewBufferPool(),
		BloomFilters:                []parquet.BloomFilterColumn{parquet.SplitBlockFilter(10, columnID)},
		Sorting: parquet.SortingConfig{SortingColumns: []parquet.SortingColumn{
			parquet.Ascending(columnCreatedAt), parquet.Ascending(columnID),
		}},
		KeyValueMetadata: map[string]string{
			keyFormat: fileFormat, keyTable: auditTable, keyPeriod: period, keyDuration: "microseconds",
		},
	})}
	e.columns = e.file.ColumnWriters()
	return e
}

// add takes a row, which must not change until the encoder is closed.
func (e *encoder) add(p *audit.Persisted, entry audit.Entry) error {
	e.batch = append(e.batch, row{p, entry})
	e.batchBytes += len(p.Output) + len(p.Error) + len(p.ActionParameters)
	e.rows++
	if len(e.batch) < batchRows && e.batchBytes < batchBytes {
		return nil
	}
	return e.flushBatch()
}

// flushBatch goes column by column, which keeps each one's code and memory at hand.
func (e *encoder) flushBatch() error {
	for i, c := range columns {
		e.values, e.arena = e.values[:0], e.arena[:0]
		for j := range e.batch {
			v := c.write(&e.batch[j], &e.arena)
			present := 0
			if c.node.Optional() && !v.IsNull() {
				present = 1
			}
			e.values = append(e.values, v.Level(0, present, i))
		}
		if _, err := e.columns[i].WriteRowValues(e.values); err != nil {
			return fmt.Errorf("encode column %s: %w", c.name, err)
		}
		e.groupBytes += int64(8*len(e.batch) + len(e.arena))
	}
	e.groupRows += int64(len(e.batch))
	clear(e.batch)
	e.batch, e.batchBytes = e.batch[:0], 0
	if e.groupRows < rowGroupRows && e.groupBytes < rowGroupBytes {
		return nil
	}
	return e.flushGroup()
}

func (e *encoder) flushGroup() error {
	e.bytes += e.groupBytes
	e.groupRows, e.groupBytes = 0, 0
	return e.file.Flush()
}

// size is how many raw bytes were taken, but for those of the batch.
func (e *encoder) size() int64 { return e.bytes + e.groupBytes }

func (e *encoder) close() error {
	if len(e.batch) > 0 {
		if err := e.flushBatch(); err != nil {
			return err
		}
	}
	return e.file.Close()
}
