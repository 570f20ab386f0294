// Package install follows docs/install.md to the letter: in a clone of its own, with
// kubectl and helm, on a real API server with the real controllers of Deployments,
// ReplicaSets and Jobs. Pods are processes with the rights of their ServiceAccounts.
package install
