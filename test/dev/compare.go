package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/test/world"
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
	l = append(l, compareTimes(ex, r)...)
	return append(l, compareTexts(f.scenario, ex, r)...)
}

// compareTimes holds the times against those of the object: none may come from
// the clock of whoever recorded it.
func compareTimes(ex *v1.KubernetesExecution, r row) list {
	var l list
	column(&l, "created_at", instant(r.Created), instant(&ex.CreationTimestamp.Time))
	result := ex.Status.Result
	switch {
	case !ex.Status.Phase.Terminal():
		column(&l, "completed_at", instant(r.Completed), instant(&ex.DeletionTimestamp.Time))
	case result != nil:
		column(&l, "start_time", instant(r.Start), instant(&result.StartTime.Time))
		column(&l, "end_time", instant(r.End), instant(&result.EndTime.Time))
		column(&l, "completed_at", instant(r.Completed), instant(&result.EndTime.Time))
	default:
		column(&l, "completed_at", instant(r.Completed), instant(&ex.Status.Conditions[0].LastTransitionTime.Time))
	}
	return l
}

// instant is a time as text, to the microsecond, which is what PostgreSQL keeps.
func instant(t *time.Time) string {
	if t == nil {
		return "NULL"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
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
