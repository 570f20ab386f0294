package main

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/test/world"
)

// scenario is one execution, how it goes, and what must be recorded of it.
type scenario struct {
	name   string // of the execution
	action string
	target v1.Target
	params string // JSON; empty means none
	plan   world.Plan
	play   play // nil: from its creation to its end
	want   expectation
	// alone says that dev must not pick it: it is large, slow or needs another.
	alone bool
}

// play carries out an execution that does not simply run to its end.
type play func(ctx context.Context, e *world.Executor, ex *v1.KubernetesExecution, p world.Plan) (world.Completion, error)

// expectation is what the row must say.
type expectation struct {
	phase   v1.Phase
	success bool
	exit    *int32 // nil: NULL
	reason  string
	retries int32
	// failure is the error column, when it is not the plan's Error.
	failure string
	// masked says that a secret was planted: something must have been masked,
	// and the texts cannot be compared byte by byte.
	masked bool
	// deleted says that the object must be gone in the end.
	deleted bool
}

// output is the text the row must hold: what the action printed, with NUL, which
// PostgreSQL cannot hold, made visible.
func (s scenario) output() string { return withoutNUL(s.plan.Output) }

func (s scenario) failure() string {
	if s.want.failure != "" {
		return s.want.failure
	}
	return withoutNUL(s.plan.Error)
}

func withoutNUL(text string) string { return strings.ReplaceAll(text, "\x00", "␀") }

// execution is the object to create.
func (s scenario) execution() *v1.KubernetesExecution {
	ex := &v1.KubernetesExecution{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: s.name},
		Spec: v1.KubernetesExecutionSpec{
			WorkflowExecutionRef: corev1.ObjectReference{Name: "remediate-" + s.name},
			StepIndex:            int32(len(s.name) % 4),
			MaxRetries:           3,
			Action:               v1.Action{Type: s.action, Target: s.target},
		},
	}
	if s.params != "" {
		ex.Spec.Action.Parameters = &apiextensionsv1.JSON{Raw: []byte(s.params)}
	}
	return ex
}

func (s scenario) run(ctx context.Context, e *world.Executor) (world.Completion, error) {
	if s.play != nil {
		return s.play(ctx, e, s.execution(), s.plan)
	}
	return e.Execute(ctx, s.execution(), s.plan)
}

func completes() expectation {
	return expectation{phase: v1.PhaseCompleted, success: true, exit: new(int32), reason: "Completed"}
}

func fails(exit int32, reason string) expectation {
	return expectation{phase: v1.PhaseFailed, exit: &exit, reason: reason}
}

// failsUnknown is a failure whose exit code nobody can know.
func failsUnknown(reason string) expectation {
	return expectation{phase: v1.PhaseFailed, reason: reason}
}

// masking adds that a secret was planted.
func (e expectation) masking() expectation { e.masked = true; return e }

func deployment(namespace, name string) v1.Target {
	return v1.Target{Namespace: namespace, ResourceKind: "Deployment", ResourceName: name}
}
