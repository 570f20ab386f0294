// Package redact takes secrets out of records before anything is kept of them.
//
// It works on values only: no I/O, no clock, no configuration. Redaction is
// total (whatever cannot be processed is masked, never passed on), deterministic
// (a retry gives the same bytes), idempotent (what is redacted stays as it is)
// and linear in the size of the record.
//
// A record is looked at in three ways, until nothing new is found:
//
//	structure  values under names that say what they are: password, token, the
//	           data of a Secret, env lists, flags, JSON inside strings
//	text       shapes of tokens, keys, URLs, headers, and name=value in logs
//	spread     every value found secret, wherever else it appears in the record,
//	           plain, escaped or encoded
//
// What is masked reads [REDACTED:rule]. The value is nowhere else: not in the
// list of redactions, not in errors, not in logs.
//
// Files: record.go and structure.go walk the record, keys.go and values.go
// decide what a name and a value mean, text.go runs the rules of rules.go and
// the scanner of assign.go over text, manifest.go knows Secret manifests in
// text, view.go and base64.go see through encodings, spread.go looks for known
// values.
package redact
