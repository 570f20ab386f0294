// Package canary makes texts with secrets in them: for every rule that
// audit/redact has some, in every encoding that records come with. Whoever plants
// them and finds them again has found a leak.
//
// All are made up at run time, the same ones for the same seed. Rules of our own
// have a grammar each (tokens.go, contexts.go, special.go); of the rules of
// gitleaks the expressions themselves are the grammar (gitleaks.go, draw.go).
//
// What is not made, because nobody could honestly know it for a secret or find it
// again: values without any context or shape, and short ones or common words.
// What the redactor should know and does not is in excuse.go.
package canary
