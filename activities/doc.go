// Package activities holds the hands of the workflows: each opens an envelope,
// calls one deep package (redact, a store) and classifies the error. They are
// the only places where an envelope is opened.
//
// What an activity returns, and every error it gives, ends up in Temporal's
// history and in logs, so neither ever holds record content.
package activities
