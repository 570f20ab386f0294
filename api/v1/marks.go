package v1

// Marks that auditflow leaves on the objects it watches, the same for every
// kind. The first metadata patch puts on the finalizer and the pending state,
// the second the persisted annotation and state, and takes the finalizer off.
const (
	// DeliveryFinalizer keeps an object until its audit record is safe.
	DeliveryFinalizer = "audit.kubernaut.io/delivery"
	// PersistedAnnotation is "<row id> <time>" once the row is committed, be it
	// in quarantine.
	PersistedAnnotation = "audit.kubernaut.io/persisted"
	// StateAnnotation repeats the state in one word, for the printer column:
	// a column can print a field, not compute one.
	StateAnnotation = "audit.kubernaut.io/state"
)

// KeepAnnotation with value "true" keeps an object past its review window.
const KeepAnnotation = "audit.kubernaut.io/keep"

// Annotations of a plain Job that is to be recorded. They say what an execution
// has in its spec; all may be left out.
const (
	// ActionAnnotation names the action. Default "job".
	ActionAnnotation = "audit.kubernaut.io/action"
	// ParametersAnnotation is any JSON value. Default none.
	ParametersAnnotation = "audit.kubernaut.io/parameters"
	// WorkflowRefAnnotation is the workflow the Job is a step of. Default the
	// name of what controls the Job, as its CronJob.
	WorkflowRefAnnotation = "audit.kubernaut.io/workflow-ref"
	// StepIndexAnnotation is a whole number. Default 0.
	StepIndexAnnotation = "audit.kubernaut.io/step-index"
	// TargetNamespaceAnnotation, TargetKindAnnotation and TargetNameAnnotation
	// say what the action is done to. Without all three it is the Job itself.
	TargetNamespaceAnnotation = "audit.kubernaut.io/target-namespace"
	TargetKindAnnotation      = "audit.kubernaut.io/target-kind"
	TargetNameAnnotation      = "audit.kubernaut.io/target-name"
)

// Values of [StateAnnotation].
const (
	StatePending   = "Pending"
	StatePersisted = "Persisted"
	// StateQuarantined: the audit table could not hold the record; it is safe in
	// the quarantine table and waits to be replayed.
	StateQuarantined = "Quarantined"
)

// ExecutionUIDLabel on a Job or pod names the execution it was made for. A Job
// without it must carry an owner reference to the execution.
const ExecutionUIDLabel = "execution.kubernaut.io/execution-uid"
