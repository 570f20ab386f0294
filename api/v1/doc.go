// Package v1 holds the KubernetesExecution custom resource: one remediation
// action that runs as a Job. auditflow reads it and marks it; another
// controller, the executor, runs it and writes its status.
//
// +kubebuilder:object:generate=true
// +groupName=execution.kubernaut.io
package v1
