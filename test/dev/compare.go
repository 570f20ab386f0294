package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/test/world"

	v1 "github.com/auditflow/auditflow/api/v1"
)

// list gathers sentences about columns that are not what they should be.
type list []string

func column[T comparable](l *list, name string, got, want T) {
	if got != want {
		*l = append(*l, fmt.Sprintf("%s is %v, not %v", name, show(got), show(want)))
	}
}

func show(value any) any {
	if text, ok := value.(string); ok {
		return fmt.Sprintf("%.120q", text)
	}
	return value
}

// compareRow tells in which columns the row is not what the scenario promised and
// the object says.
func compareRow(f finished, ex *v1.KubernetesExecution, r row) []string {
	var l list
	want := f.scenario.want
	column(&l, "id", r.ID, audit.ID(world.Cluster, r.UID))
	column(&l, "cluster", r.Cluster, world.Cluster)
	column(&l, "execution_namespace", r.Namespace, f.completion.Name.Namespace)
	column(&l, "execution_id", r.Name, f.completion.Name.Name)
	column(&l, "action_type", r.Action, f.scenario.action)
	column(&l, "target_namespace", r.TargetNamespace, f.scenario.target.Namespace)
	column(&l, "target_resource_kind", r.TargetKind, f.scenario.target.ResourceKind)
	column(&l, "target_resource_name", r.TargetOf, f.scenario.target.ResourceName)
	column(&l, "workflow_ref", r.WorkflowRef, ex.Spec.WorkflowExecutionRef.Name)
	column(&l, "step_index", r.StepIndex, ex.Spec.StepIndex)
	column(&l, "phase", r.Phase, string(want.phase))
	column(&l, "success", r.Success, want.success)
	column(&l, "job_exit_code", code(r.ExitCode), code(want.exit))
	column(&l, "job_exit_reason", r.ExitReason, want.reason)
	column(&l, "job_name", r.JobName, jobName(ex))
	column(&l, "retry_count", r.Retries, want.retries)
	return append(l, compareTexts(f.scenario, ex, r)...)
}

// compareTexts compares what was redacted with what was not.
func compareTexts(s scenario, ex *v1.KubernetesExecution, r row) list {
	var l list
	if s.want.masked {
		if r.Masked == 0 {
			l = append(l, "a secret was planted and nothing is masked")
		}
		return l
	}
	column(&l, "the number of masked places", r.Masked, 0)
	column(&l, "the size of output", r.OutputBytes, len(s.output()))
	column(&l, "the SHA-256 of output", r.OutputSHA, digest(s.output()))
	column(&l, "error", r.Error, s.failure())
	if asked := parameters(ex); !sameJSON(r.Parameters, asked) {
		l = append(l, fmt.Sprintf("action_parameters are %.200s, not %.200s", r.Parameters, asked))
	}
	return l
}

// compareObject tells whether a live object says that it is persisted, and is
// free to go.
func compareObject(ex *v1.KubernetesExecution, r row) []string {
	var l list
	id, _, _ := strings.Cut(ex.Annotations[v1.PersistedAnnotation], " ")
	column(&l, "the row named by annotation "+v1.PersistedAnnotation, id, r.ID)
	column(&l, "the number of finalizers", len(ex.Finalizers), 0)
	return l
}

func code(c *int32) string {
	if c == nil {
		return "NULL"
	}
	return fmt.Sprint(*c)
}

func jobName(ex *v1.KubernetesExecution) string {
	if ex.Status.JobRef == nil {
		return ""
	}
	return ex.Status.JobRef.Name
}

func parameters(ex *v1.KubernetesExecution) []byte {
	if ex.Spec.Action.Parameters == nil {
		return nil
	}
	return ex.Spec.Action.Parameters.Raw
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// sameJSON compares values, not spellings: 1e2 is 100. NUL, which jsonb cannot
// hold, is taken as ␀.
func sameJSON(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	x, xErr := decoded(a)
	y, yErr := decoded(b)
	return xErr == nil && yErr == nil && sameValue(x, y)
}

func decoded(text []byte) (value any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return value, d.Decode(&value)
}

func sameValue(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k, v := range x {
			if other, ok := y[k]; !ok || !sameValue(v, other) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !sameValue(x[i], y[i]) {
				return false
			}
		}
		return true
	case json.Number:
		y, ok := b.(json.Number)
		return ok && sameNumber(x, y)
	case string:
		y, ok := b.(string)
		return ok && withoutNUL(x) == withoutNUL(y)
	}
	return a == b
}

func sameNumber(a, b json.Number) bool {
	x, xOK := new(big.Rat).SetString(a.String())
	y, yOK := new(big.Rat).SetString(b.String())
	return xOK && yOK && x.Cmp(y) == 0
}
