package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// chunkRows is how many records are written with one stream of random numbers.
// It is part of what a seed means: another number gives other records.
const chunkRows = 5000

// firstAlert numbers the first workflow, so that alert-12345-workflow, which the
// seed's queries ask for, is in every data set.
const firstAlert = 12_000

// dataset is a number of records between two instants. All of it follows from
// these fields: who generates which chunk, when and beside how many others does
// not matter.
type dataset struct {
	rows   int
	days   int
	seed   uint64
	until  time.Time // exclusive end of completed_at
	rhythm rhythm
}

// row is a record with what the database would have added.
type row struct {
	audit.Record
	persistedAt time.Time
}

func newDataset(rows, days int, seed uint64, until time.Time) (dataset, error) {
	if rows < 1 || days < 1 {
		return dataset{}, fmt.Errorf("a data set of %d rows over %d days: want at least one of both", rows, days)
	}
	until = until.UTC().Truncate(time.Second)
	from := until.AddDate(0, 0, -days)
	return dataset{rows: rows, days: days, seed: seed, until: until, rhythm: newRhythm(from, until)}, nil
}

// from is the earliest created_at there may be.
func (d dataset) from() time.Time { return d.rhythm.from }

func (d dataset) chunks() int { return (d.rows + chunkRows - 1) / chunkRows }

// chunk returns the records of one chunk, normalised and digested, in the order
// in which they were persisted. Chunks follow each other in time, as rows do in
// a table that is written while things happen.
func (d dataset) chunk(k int) []row {
	share := 1 / float64(d.chunks())
	size := min(chunkRows, d.rows-k*chunkRows)
	a := author{rng: rand.New(rand.NewPCG(d.seed, uint64(k))), data: d}
	rows := make([]row, 0, size+maxSteps)
	for n := firstAlert + k*chunkRows; len(rows) < size; n++ {
		end := d.rhythm.at((float64(k) + a.rng.Float64()) * share)
		rows = a.workflow(rows, n, end)
	}
	rows = rows[:size]
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(a.persistedAt.Compare(b.persistedAt), cmp.Compare(a.ID, b.ID))
	})
	for i := range rows {
		rows[i].Record = finished(rows[i].Record)
	}
	return rows
}

// finished is a record as it would be appended. Its parameters are written in
// the form that normalising would give them, which takes half of the time of
// all else together; a test holds us to it.
func finished(r audit.Record) audit.Record {
	parameters := r.ActionParameters
	r.ActionParameters = nil
	r = r.Normalise()
	r.ActionParameters = parameters
	r.RecordSHA256 = r.Digest()
	return r
}
