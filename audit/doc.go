// Package audit holds the noun of this project: the [Record] of one completed
// execution, as it is handed over, redacted, digested and kept for years.
//
// It knows nothing of Kubernetes, Temporal or PostgreSQL and imports only the
// standard library, so that every other package can agree on it.
//
// A record goes through four forms, always in this order:
//
//	observed    what a door saw (controller, HTTP); may hold secrets
//	normalised  what PostgreSQL can hold, every change noted   ([Record.Normalise])
//	redacted    what may be read for years                     (package redact)
//	digested    record_sha256 over the redacted form           ([Record.Digest])
package audit
