// Package controller is the Kubernetes door: it watches executions and chosen
// Jobs, hands each one that ended over to Temporal, marks the object once its
// row is committed, and removes it when it has been there to be looked at for
// long enough.
//
// Four parts, of which two are on the two sides of a queue, so that nothing of
// the outside ever holds a reconcile worker:
//
//	Reconciler   looks at marks, decides ([decide]), patches metadata
//	Deliveries   starts the workflow, waits for its end
//	Source       knows a kind of objects: which, when ended, what to record
//	Map, MapJob  turn facts into an audit.Record; pure
//
// What Deliveries knows is in memory only and may be lost at any moment: an
// object without the persisted annotation is simply delivered again, and the
// workflow id and the row id make that harmless.
//
// What it may do in the cluster is below; deploy/rbac is made from it.
//
// +kubebuilder:rbac:groups=execution.kubernaut.io,resources=kubernetesexecutions,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=list
// +kubebuilder:rbac:groups="",resources=events,verbs=create
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=auditflow.io,resources=marks,verbs=update
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;list;create;update
package controller
