package httpapi

import (
	"net/http"
	"strconv"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/workflows"
)

// idempotency is a client's Idempotency-Key; the zero value is none. It is kept
// nowhere: the workflow's id is computed from it instead of from the record, and
// Temporal has every id once. Who sends a key again joins the delivery there is,
// whose envelope tells whether it was the same record. That lasts for as long as
// the namespace keeps workflows; the row's primary key holds without it.
type idempotency struct {
	key, principal string
}

const maxKey = 255 // bytes

func keyOf(r *http.Request, principal string) (idempotency, *Problem) {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return idempotency{}, nil
	}
	if len(keys) > 1 || keys[0] == "" || len(keys[0]) > maxKey {
		return idempotency{}, badParameter("Idempotency-Key", "must be one text of 1 to "+strconv.Itoa(maxKey)+" bytes")
	}
	return idempotency{keys[0], principal}, nil
}

// of is the key of one record of a batch.
func (k idempotency) of(index int) idempotency {
	if k.key == "" {
		return k
	}
	return idempotency{k.key + "\x00" + strconv.Itoa(index), k.principal} // no header holds NUL
}

// workflowID is a digest of the key, which may be anything, with whose it is:
// the keys of two clients do not meet.
func (k idempotency) workflowID(r audit.Record) string {
	if k.key == "" {
		return workflows.DeliveryOfRecord(r)
	}
	return workflows.DeliveryID(defaultSource, "key-"+audit.ID(k.principal, k.key))
}

func (k idempotency) conflict() *Problem {
	if k.key == "" {
		return problem(http.StatusConflict, "conflict", "Another record of this execution is there",
			"the first one stays; if this is another execution, tell its execution_uid or created_at")
	}
	return problem(http.StatusUnprocessableEntity, "idempotency-key", "The Idempotency-Key was used for another record", "use a key for one record only")
}
