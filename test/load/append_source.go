package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// source hands out records of about 2 KiB that nobody has stored yet. Their
// content was prepared; the id, and with it the place in the index, is new
// each time, which costs all writers the same microsecond. Their digests
// are those of the prepared records, which costs nothing and harms nobody here.
type source struct {
	prepared []audit.Record
	taken    *atomic.Int64 // shared by all sources of a benchmark
	now      time.Time
}

func (s *source) next(n int) []audit.Record {
	records := make([]audit.Record, n)
	end := s.taken.Add(int64(n))
	for i := range records {
		number := end - int64(n) + int64(i)
		records[i] = s.prepared[number%int64(len(s.prepared))]
		records[i].ExecutionUID = fmt.Sprintf("bench-%d", number)
		records[i].ID = audit.ID(records[i].Cluster, records[i].ExecutionUID)
		records[i].CreatedAt = s.now.Add(time.Duration(number) * time.Microsecond)
	}
	return records
}

// recordSize is what the records of this benchmark have as canonical JSON.
const recordSize = 2 << 10

// prepare makes records of about that size from those of a data set: ordinary
// ones, with as much more output.
func prepare(d dataset) []audit.Record { return prepareSized(d, recordSize, chunkRows) }

// prepareSized makes at most n records of about so many bytes.
func prepareSized(d dataset, size, n int) []audit.Record {
	a := author{rng: rand.New(rand.NewPCG(d.seed, 0)), data: d}
	var prepared []audit.Record
	for _, r := range d.chunk(d.chunks() - 1) {
		if len(prepared) == n {
			break
		}
		r.Output, r.Redactions = "", nil
		var output strings.Builder
		a.lines(&output, outputLines, r.TargetResourceName, size-len(audit.CanonicalJSON(r.Record)))
		r.Output = output.String()
		prepared = append(prepared, finished(r.Record))
	}
	return prepared
}
