// Package redact takes secrets out of records before anything is kept of them.
//
// It works on values only: no I/O, no clock; what it shall do differently are
// plain [Options], which package policy reads from a file. Redaction is
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
// What is masked reads [REDACTED:rule], or with a key [REDACTED:rule:token],
// which is the same for the same secret. The value is nowhere else: not in the
// list of redactions, not in errors, not in logs.
//
// Files: record.go and structure.go walk the record, keys.go, values.go and
// excuse.go decide what a name and a value mean, text.go runs over text: the
// rules of rules.go (tokens.go, contexts.go, commands.go, hashes.go, jwt.go and
// those of gitleaks), the scanner of names and values (assign.go, forms.go,
// pair.go, spoken.go, phrase.go), users.go, which knows the names beside
// passwords, manifest.go and yaml.go, which know Secrets, and words.go and
// random.go, which judge words that nothing names. view.go, unit.go, wrap.go,
// query.go and encodings.go see through encodings, spread.go looks for known
// values.
//
// options.go and faults.go say what a policy may say, custom.go,
// customwalk.go and allow.go do it, label.go makes tokens.
package redact
