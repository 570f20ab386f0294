// Package clienttest stands in for the audit client in unit tests: it keeps what
// is delivered in memory, as the database would have it.
//
// Records are completed, checked, normalised and redacted by the code that does
// it in production, so that a test sees what would be stored, and what would be
// refused. There is no Temporal, no file and no goroutine.
package clienttest
