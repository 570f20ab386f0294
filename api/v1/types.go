package v1

import (
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// KubernetesExecution runs one action of a workflow as a Job.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=kex,categories=kubernaut
// +kubebuilder:printcolumn:name="Action",type=string,JSONPath=`.spec.action.type`
// +kubebuilder:printcolumn:name="Target",type=string,JSONPath=`.spec.action.target.resourceName`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Audit",type=string,JSONPath=`.metadata.annotations.audit\.kubernaut\.io/state`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Target-Namespace",type=string,JSONPath=`.spec.action.target.namespace`,priority=1
// +kubebuilder:printcolumn:name="Kind",type=string,JSONPath=`.spec.action.target.resourceKind`,priority=1
// +kubebuilder:printcolumn:name="Retries",type=integer,JSONPath=`.status.retryCount`,priority=1
// +kubebuilder:printcolumn:name="Persisted",type=string,JSONPath=`.metadata.annotations.audit\.kubernaut\.io/persisted`,priority=1
type KubernetesExecution struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   KubernetesExecutionSpec   `json:"spec"`
	Status KubernetesExecutionStatus `json:"status,omitempty"`
}

// KubernetesExecutionList is a list of executions.
//
// +kubebuilder:object:root=true
type KubernetesExecutionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []KubernetesExecution `json:"items"`
}

// KubernetesExecutionSpec says what to run. It cannot change: what was asked
// for is part of the audit trail.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="spec is immutable: the audit trail records what was asked for"
type KubernetesExecutionSpec struct {
	// WorkflowExecutionRef is the workflow execution this step belongs to.
	// +kubebuilder:validation:XValidation:rule="has(self.name) && self.name.size() > 0 && self.name.size() <= 255",message="workflowExecutionRef.name is required, at most 255 characters"
	WorkflowExecutionRef corev1.ObjectReference `json:"workflowExecutionRef"`
	// StepIndex is the position of this step in its workflow, from 0.
	// +kubebuilder:validation:Minimum=0
	StepIndex int32 `json:"stepIndex"`
	// Action is what the Job does.
	Action Action `json:"action"`
	// MaxRetries is how often a failed action is tried again. Left out of a
	// manifest it is 3; the Go type always writes it.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=5
	// +kubebuilder:default=3
	// +optional
	MaxRetries int32 `json:"maxRetries"`
	// Timeout is how long the action may take, as in 5m or 90s.
	// +kubebuilder:validation:XValidation:rule="self > duration('0s')",message="timeout must be more than 0s"
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Format=duration
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
}

// Action is an operation on a target.
type Action struct {
	// Type names the action, as in scale-deployment. The set is open.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Type string `json:"type"`
	// Parameters is any JSON value; the executor knows what it means.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Parameters *apiextensionsv1.JSON `json:"parameters,omitempty"`
	// Target is what the action is done to.
	// +optional
	Target Target `json:"target,omitempty"`
}

// Target is a Kubernetes object, which need not exist.
type Target struct {
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// +kubebuilder:validation:MaxLength=100
	// +optional
	ResourceKind string `json:"resourceKind,omitempty"`
	// +kubebuilder:validation:MaxLength=253
	// +optional
	ResourceName string `json:"resourceName,omitempty"`
}

// Phase is where an execution stands. Other words may come from the executor;
// only Completed, Failed and Cancelled end it.
//
// +kubebuilder:validation:MaxLength=50
type Phase string

// The terminal phases, and the ones that executors commonly pass through.
const (
	PhasePending   Phase = "Pending"
	PhaseExecuting Phase = "Executing"
	PhaseCompleted Phase = "Completed"
	PhaseFailed    Phase = "Failed"
	PhaseCancelled Phase = "Cancelled"
)

// Terminal tells whether the execution is over.
func (p Phase) Terminal() bool {
	return p == PhaseCompleted || p == PhaseFailed || p == PhaseCancelled
}

// KubernetesExecutionStatus is what the executor observed.
//
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.phase) || !(oldSelf.phase in ['Completed', 'Failed', 'Cancelled']) || (has(self.phase) && self.phase == oldSelf.phase)",message="a terminal phase is final"
type KubernetesExecutionStatus struct {
	// +optional
	Phase Phase `json:"phase,omitempty"`
	// Result is nil until the action ended, and stays nil when it failed
	// before there was a Job (validation).
	// +optional
	Result *Result `json:"result,omitempty"`
	// RetryCount is how often the action was tried again.
	// +kubebuilder:validation:Minimum=0
	// +optional
	RetryCount int32 `json:"retryCount,omitempty"`
	// JobRef is the Job that ran the action last.
	// +optional
	JobRef *JobReference `json:"jobRef,omitempty"`
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Result is how the action ended.
type Result struct {
	Success bool `json:"success"`
	// +optional
	Output string `json:"output,omitempty"`
	// +optional
	Error string `json:"error,omitempty"`
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// +optional
	EndTime *metav1.Time `json:"endTime,omitempty"`
}

// JobReference names a Job. It holds no UID: check that the Job belongs to the
// execution before trusting it.
type JobReference struct {
	// Namespace is that of the execution when empty.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
}
