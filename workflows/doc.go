// Package workflows says what happens, in order, and survives any crash between
// two lines of it. Workflow code is deterministic and does no I/O; what it
// passes around are sealed envelopes.
//
// [DeliverAudit] brings records from a door to their rows. [Starter] is how a
// door starts it.
package workflows
