package turn

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// Records hands out those of one order, each once. It is safe for concurrent use.
type Records struct {
	templates []audit.Record
	order     Order
	taken     atomic.Int64
}

// known are the templates of files that this process has read. Reading costs more
// processor time than handing some records over, and would count as that.
var known sync.Map

// Read makes the records of an order. Only the first order with a file reads it.
func Read(o Order) (*Records, error) {
	if templates, ok := known.Load(o.File); ok {
		return &Records{order: o, templates: templates.([]audit.Record)}, nil
	}
	f, err := os.Open(o.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &Records{order: o}
	for from := json.NewDecoder(bufio.NewReader(f)); from.More(); {
		var template audit.Record
		if err := from.Decode(&template); err != nil {
			return nil, fmt.Errorf("read records of %s: %w", o.File, err)
		}
		r.templates = append(r.templates, template)
	}
	if len(r.templates) == 0 {
		return nil, fmt.Errorf("read records of %s: there are none", o.File)
	}
	known.Store(o.File, r.templates)
	return r, nil
}

// Write leaves records for [Read].
func Write(path string, records []audit.Record) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	buffer := bufio.NewWriter(f)
	lines := json.NewEncoder(buffer)
	for _, r := range records {
		if err := lines.Encode(r); err != nil {
			_ = f.Close()
			return err
		}
	}
	if err := buffer.Flush(); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// Next is the next n, or fewer, or in the end none. Ids and times are new, which
// costs a microsecond each; the digest is that of the template.
func (r *Records) Next(n int) []audit.Record {
	taken, all := r.taken.Add(int64(n)), int64(r.order.Records)
	records := make([]audit.Record, 0, n)
	for i := taken - int64(n); i < min(taken, all); i++ {
		records = append(records, r.number(r.order.First+i))
	}
	return records
}

func (r *Records) number(n int64) audit.Record {
	record := r.templates[n%int64(len(r.templates))]
	record.ExecutionUID = fmt.Sprintf("%08x-0000-4000-8000-%012x", n%0xfffffff, n)
	record.ID = audit.ID(record.Cluster, record.ExecutionUID)
	record.CreatedAt = Created(r.order.Base, n)
	return record
}

// Created is the created_at of a number: what tells the rows of a turn.
func Created(base time.Time, number int64) time.Time {
	return base.Add(time.Duration(number) * time.Microsecond)
}
