// Package world starts the real servers that auditflow lives among: a
// Kubernetes control plane, Temporal, PostgreSQL and S3. Tests, benchmarks and
// the demonstration share it, so what passes here has met the real thing.
//
//	w, err := world.Start(ctx, world.Options{Kubernetes: true, PostgreSQL: true})
//	if err != nil { ... }
//	defer w.Stop()
//
// The servers are child processes on free loopback ports; several worlds can
// run at once. Their programs come from ./bin of this module ("make tools"
// puts them there once), those of Kubernetes from KUBEBUILDER_ASSETS when set.
//
// # No Node, no scheduler
//
// Kubernetes is etcd, kube-apiserver and the controllers of
// kube-controller-manager that Jobs need. [Kubelet] stands in for the rest: a
// pod whose spec.nodeName is set (to anything; [NodeName] will do) runs and
// ends as its annotations ask. So Jobs are completed by the real Job
// controller, with real conditions, retries and deletion.
//
// # Nothing stays behind
//
// Stop ends everything in order. When the process that called Start dies
// without Stop, by a panic, Ctrl-C or SIGKILL, a watchdog that shares nothing
// with it but a pipe kills the servers and removes the temporary directory.
//
// The package needs a Unix; it is used and tested on Linux.
package world
