// Package httpapi is the HTTP door: what other controllers post becomes a record
// as the Kubernetes door makes one of an object, is sealed, and is answered with
// 201 once Temporal has it durably. From there on its way is every record's.
//
// Bodies come from anybody. They are read strictly (a field that is unknown,
// twice there or of another type is refused, not guessed) and within limits of
// bytes, depth, rate and work in hand. Answers about faults are problem documents
// (RFC 9457) that name fields and rules and quote nothing of a body; the log and
// the metrics hold none of it either.
package httpapi
