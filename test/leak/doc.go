// Package leak searches what lies at rest for secrets that a test has planted:
// the files of PostgreSQL and Temporal, histories, rows, logs, events, metrics.
//
// A search that finds nothing proves something only if it can see. So it also
// looks for words of which the test knows where they must be found, and says
// where it saw them.
//
// How to read it: search.go is what callers use, forms.go says in how many ways
// a secret may be written, places.go and dump.go say what there is to be read,
// scan.go finds a hundred thousand byte strings in one pass. Package canary
// makes the secrets.
package leak
