package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
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
	who, p := d.access.authenticate(r)
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
	writeJSON(w, http.StatusOK, typeJSON, d.each(r.Context(), texts, who, key))
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

// batchStarts is how many of a batch are started at once: one batch leaves turns
// to others.
const batchStarts = 16

func (d *door) each(ctx context.Context, texts []json.RawMessage, who principal, key idempotency) BatchAnswer {
	answer := BatchAnswer{Results: make([]Result, len(texts))}
	var wait sync.WaitGroup
	turns := make(chan struct{}, batchStarts)
	for i, text := range texts {
		turns <- struct{}{}
		wait.Go(func() {
			defer func() { <-turns }()
			answer.Results[i] = d.one(ctx, i, text, who, key.of(i))
		})
	}
	wait.Wait()
	for _, result := range answer.Results {
		if result.Accepted != nil {
			answer.Accepted++
		} else {
			answer.Refused++
		}
	}
	return answer
}

func (d *door) one(ctx context.Context, index int, text []byte, who principal, key idempotency) (result Result) {
	refuse := func(p *Problem) Result { return Result{Index: index, Status: p.Status, Problem: p} }
	defer func() { // in a goroutine of its own, where nobody else would catch it
		if value := recover(); value != nil {
			d.log.Error("a record panicked", "type", fmt.Sprintf("%T", value))
			result = refuse(problem(http.StatusInternalServerError, "internal", "A fault of auditflow's", ""))
		}
	}()
	if int64(len(text)) > d.limits.RecordBytes {
		return refuse(tooLarge(fmt.Sprintf("at most %d bytes", d.limits.RecordBytes)))
	}
	record, p := d.record(ctx, text, who)
	if p != nil {
		return refuse(p)
	}
	delivery, p := d.start(ctx, record, key)
	if p != nil {
		return refuse(p)
	}
	return Result{Index: index, Status: http.StatusCreated, Accepted: &Accepted{ID: record.ID, WorkflowID: delivery.ID(), Status: "started"}}
}
