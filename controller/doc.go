// Package controller is the Kubernetes door: it watches executions, hands each
// one that ended over to Temporal, and marks the object once its row is
// committed.
//
// Three parts, each on its own side of a queue, so that nothing of the outside
// ever holds a reconcile worker:
//
//	Reconciler   looks at marks, decides ([decide]), patches metadata
//	Deliveries   observes the facts, starts the workflow, waits for its end
//	Map          turns facts into an audit.Record; pure
//
// What Deliveries knows is in memory only and may be lost at any moment: an
// object without the persisted annotation is simply delivered again, and the
// workflow id and the row id make that harmless.
package controller
