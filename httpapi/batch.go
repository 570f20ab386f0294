package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/failpoint"
	"github.com/auditflow/auditflow/workflows"
)

// BatchAnswer tells what became of each record of a batch, in their order.
type BatchAnswer struct {
	Accepted int      `json:"accepted"`
	Refused  int      `json:"refused"`
	Results  []Result `json:"results"`
}

// Result is what the record alone would have been answered.
type Result struct {
	Index  int `json:"index"` // in the array; of NDJSON the lines that are not blank count
	Status int `json:"status"`
	*Accepted
	Problem *Problem `json:"problem,omitempty"`
}

// postBatch takes many records, each of which is started or refused by itself.
// Where the batch as a whole has a fault, nothing is started.
func (d *door) postBatch(w http.ResponseWriter, r *http.Request) *Problem {
	who, p := d.authenticate(r)
	if p != nil {
		return p
	}
	if r.URL.Query().Has("wait") {
		return badParameter("wait", "is not for batches")
	}
	key, p := keyOf(r, who.name)
	if p != nil {
		return p
	}
	contentType, p := mediaTypeOf(r, typeJSON, typeNDJSON)
	if p != nil {
		return p
	}
	text, release, p := d.body(w, r, d.limits.BatchBytes)
	if p != nil {
		return p
	}
	defer release()
	split := d.array
	if contentType == typeNDJSON {
		split = d.lines
	}
	texts, p := split(text)
	if p == nil {
		p = d.admit(len(texts))
	}
	if p != nil {
		return p
	}
	answer := d.each(r.Context(), texts, who, key)
	failpoint.Hit("deliver.batch-accepted")
	writeJSON(w, http.StatusOK, typeJSON, answer)
	return nil
}

// array splits a JSON array.
func (d *door) array(text []byte) ([]json.RawMessage, *Problem) {
	if p := checkText(text); p != nil {
		return nil, p
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return nil, malformed("it is not a JSON array")
	}
	var all []json.RawMessage
	for dec.More() {
		var one json.RawMessage
		if err := dec.Decode(&one); err != nil {
			return nil, malformed("it is not one JSON document")
		}
		if all = append(all, one); len(all) > d.limits.BatchRecords {
			return nil, d.tooMany()
		}
	}
	return all, nil
}

// lines splits NDJSON. A line that is no JSON is refused by itself.
func (d *door) lines(text []byte) (all []json.RawMessage, p *Problem) {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if all = append(all, line); len(all) > d.limits.BatchRecords {
			return nil, d.tooMany()
		}
	}
	return all, nil
}

func (d *door) tooMany() *Problem {
	return tooLarge(fmt.Sprintf("at most %d records", d.limits.BatchRecords))
}

// each judges every record by itself and starts those that are in order: together
// where they can be, so that they make few workflows; those with a key alone.
func (d *door) each(ctx context.Context, texts []json.RawMessage, who principal, key idempotency) BatchAnswer {
	answer := BatchAnswer{Results: make([]Result, len(texts))}
	records, places := make([]audit.Record, 0, len(texts)), make([]int, 0, len(texts))
	for i, text := range texts {
		record, p := d.contained(ctx, text, who)
		if p != nil {
			answer.Results[i] = refusal(i, p)
			continue
		}
		records, places = append(records, record), append(places, i)
	}
	for i, result := range d.startEach(ctx, records, places, key) {
		answer.Results[places[i]] = result
	}
	for _, result := range answer.Results {
		if result.Accepted != nil {
			answer.Accepted++
		} else {
			answer.Refused++
		}
	}
	return answer
}

func refusal(index int, p *Problem) Result { return Result{Index: index, Status: p.Status, Problem: p} }

// contained is record for one of many: what is wrong with it is no matter of the
// others, not even a panic.
func (d *door) contained(ctx context.Context, text []byte, who principal) (_ audit.Record, p *Problem) {
	defer func() {
		if value := recover(); value != nil {
			d.log.ErrorContext(ctx, "a record panicked", "type", fmt.Sprintf("%T", value))
			p = problem(http.StatusInternalServerError, "internal", "A fault of auditflow's", "")
		}
	}()
	if int64(len(text)) > d.limits.RecordBytes {
		return audit.Record{}, tooLarge(fmt.Sprintf("at most %d bytes", d.limits.RecordBytes))
	}
	return d.record(ctx, text, who)
}

// batchStarts is how many of a batch with a key are started at once: one batch
// leaves turns to others.
const batchStarts = 16

// startEach starts the records, whose places in the batch are told.
func (d *door) startEach(ctx context.Context, records []audit.Record, places []int, key idempotency) []Result {
	if key.key == "" && d.batcher.Size() > 1 {
		return d.startTogether(ctx, records, places)
	}
	results := make([]Result, len(records))
	var wait sync.WaitGroup
	turns := make(chan struct{}, batchStarts)
	for i, record := range records {
		turns <- struct{}{}
		wait.Go(func() {
			defer func() { <-turns }()
			delivery, p := d.start(ctx, record, key.of(places[i]))
			failpoint.Hit("deliver.batch-member")
			results[i] = resultOf(places[i], record, delivery, p)
		})
	}
	wait.Wait()
	return results
}

// startTogether takes one turn for all records, and as much time as their
// workflows may take one after the other.
func (d *door) startTogether(ctx context.Context, records []audit.Record, places []int) []Result {
	results := make([]Result, len(records))
	done, p := d.turn(ctx)
	if p != nil {
		for i, place := range places {
			results[i] = refusal(place, p)
		}
		return results
	}
	defer done()
	workflowsAtMost := time.Duration(1 + len(records)/d.batcher.Size())
	ctx, cancel := context.WithTimeout(ctx, min(time.Minute, workflowsAtMost*d.limits.StartTimeout))
	defer cancel()
	for i, s := range d.batcher.StartAll(ctx, records) {
		delivery, p := d.started(ctx, records[i], idempotency{}, s)
		results[i] = resultOf(places[i], records[i], delivery, p)
	}
	return results
}

func resultOf(place int, r audit.Record, delivery workflows.Delivery, p *Problem) Result {
	if p != nil {
		return refusal(place, p)
	}
	return Result{Index: place, Status: http.StatusCreated, Accepted: &Accepted{ID: r.ID, WorkflowID: delivery.ID(), Status: "started"}}
}
