package httpapi

import (
	"context"
	"net/http"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/failpoint"
	"github.com/auditflow/auditflow/workflows"
)

const (
	typeJSON   = "application/json"
	typeNDJSON = "application/x-ndjson"
)

// post takes one record. It answers once Temporal has it, or once its row is
// committed if the client wants to wait for that.
func (d *door) post(w http.ResponseWriter, r *http.Request) *Problem {
	who, p := d.authenticate(r)
	if p != nil {
		return p
	}
	wait := r.URL.Query().Get("wait")
	if wait != "" && wait != "persisted" {
		return badParameter("wait", "must be persisted, or left out")
	}
	key, p := keyOf(r, who.name)
	if p != nil {
		return p
	}
	delivery, record, p := d.take(w, r, who, key)
	if p != nil {
		return p
	}
	status, accepted := http.StatusCreated, Accepted{ID: record, WorkflowID: delivery.ID(), Status: "started"}
	if wait != "" {
		if status, accepted, p = d.await(r.Context(), delivery, accepted); p != nil {
			return p
		}
	}
	failpoint.Hit("deliver.accepted")
	w.Header().Set("Location", PathRecords+"/"+accepted.ID)
	writeJSON(w, status, typeJSON, accepted)
	return nil
}

// take reads a record and starts its delivery; whoever waits for the rest does
// so without the body in memory.
func (d *door) take(w http.ResponseWriter, r *http.Request, who principal, key idempotency) (delivery workflows.Delivery, id string, p *Problem) {
	if _, p := mediaTypeOf(r, typeJSON); p != nil {
		return delivery, "", p
	}
	if p := d.admit(1); p != nil {
		return delivery, "", p
	}
	text, release, p := d.body(w, r, d.limits.RecordBytes)
	if p != nil {
		return delivery, "", p
	}
	defer release()
	record, p := d.record(r.Context(), text, who)
	if p != nil {
		return delivery, "", p
	}
	delivery, p = d.start(r.Context(), record, key)
	return delivery, record.ID, p
}

// record is what a text says, if who sends it may record that.
func (d *door) record(ctx context.Context, text []byte, who principal) (audit.Record, *Problem) {
	record, p := d.decode(text)
	if p == nil {
		p = d.complete(&record)
	}
	if p == nil {
		p = d.access.allows(ctx, who, "create", record.Cluster, record.TargetNamespace)
	}
	return record, p
}

// start delivers a record when it is its turn.
func (d *door) start(ctx context.Context, record audit.Record, key idempotency) (workflows.Delivery, *Problem) {
	done, p := d.turn(ctx)
	if p != nil {
		return workflows.Delivery{}, p
	}
	defer done()
	return d.deliver(ctx, record, key)
}
