package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Problem is what a client is told when something is wrong (RFC 9457). It quotes
// nothing of a body.
type Problem struct {
	Type   string `json:"type"` // urn:auditflow:problem: and a word for programs
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Errors are all the faults of a record, each with its field.
	Errors []Fault `json:"errors,omitempty"`

	retryAfter time.Duration // 0: do not try again unchanged
	allow      string        // methods, for 405
}

// Fault says which rule a field breaks.
type Fault struct {
	Field string `json:"field"` // its JSON name; "" is the document as a whole
	Rule  string `json:"rule"`
}

func problem(status int, kind, title, detail string) *Problem {
	return &Problem{Type: "urn:auditflow:problem:" + kind, Title: title, Status: status, Detail: detail}
}

func malformed(detail string) *Problem {
	return problem(http.StatusBadRequest, "malformed", "The body is not what its Content-Type says", detail)
}

// mostFaults are told at once: a body could have hundreds of thousands, and its
// answer be several times as large as itself.
const mostFaults = 100

func invalid(faults ...Fault) *Problem {
	p := problem(http.StatusUnprocessableEntity, "invalid-record", "The record has faults", "")
	if more := len(faults) - mostFaults; more > 0 {
		p.Detail = fmt.Sprintf("and %d more", more)
	}
	p.Errors = faults[:min(len(faults), mostFaults)]
	return p
}

func badParameter(name, rule string) *Problem {
	p := problem(http.StatusBadRequest, "invalid-parameter", "A parameter of the request has a fault", "")
	p.Errors = []Fault{{name, rule}}
	return p
}

func tooLarge(detail string) *Problem {
	return problem(http.StatusRequestEntityTooLarge, "too-large", "The body is too large", detail)
}

func busy(detail string, after time.Duration) *Problem {
	p := problem(http.StatusTooManyRequests, "busy", "Too much at once", detail)
	p.retryAfter = after
	return p
}

func unavailable(detail string) *Problem {
	p := problem(http.StatusServiceUnavailable, "unavailable", "The record is not known to be safe", detail)
	p.retryAfter = time.Second
	return p
}

func mediaType(detail, accept string) *Problem {
	return problem(http.StatusUnsupportedMediaType, "media-type", "The Content-Type is not taken here", detail+": want "+accept)
}

// faultsOf reads back what [audit.Record.Validate] joins: a line for each fault,
// field and rule.
func faultsOf(err error) (faults []Fault) {
	for line := range strings.Lines(err.Error()) {
		field, rule, _ := strings.Cut(strings.TrimSpace(line), ": ")
		faults = append(faults, Fault{field, rule})
	}
	return faults
}

func (p *Problem) write(w http.ResponseWriter) {
	if p.retryAfter > 0 {
		seconds := (p.retryAfter + time.Second - 1) / time.Second // rounded up: not before
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if p.allow != "" {
		w.Header().Set("Allow", p.allow)
	}
	writeJSON(w, p.Status, "application/problem+json", p)
}

func writeJSON(w http.ResponseWriter, status int, contentType string, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic("httpapi: an answer of ours is no JSON: " + err.Error())
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // a client that is gone hears nothing
}
