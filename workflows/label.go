package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/auditflow/auditflow/audit"
)

// label is what may be read of a delivery in clear: names, masked as the policy
// wants it of the field they come from.
type label struct {
	action, namespace, kind, name      string
	execution, executionNamespace      string
	workflowRef, phase, cluster, rowID string
	step                               int32
	success                            bool
	created                            time.Time
}

// label redacts the whole record, for only the whole tells what is secret: a
// password in the parameters may stand in a name again.
func (s *Starter) label(r audit.Record) label { return labelOf(s.Redactor.Normalised(r)) }

// labelOf takes a redacted record.
func labelOf(r audit.Record) label {
	return label{
		action: plain(r.ActionType), namespace: plain(r.TargetNamespace),
		kind: plain(r.TargetResourceKind), name: plain(r.TargetResourceName),
		execution: plain(r.ExecutionID), executionNamespace: plain(r.ExecutionNamespace),
		workflowRef: plain(r.WorkflowRef), phase: plain(r.Phase), cluster: plain(r.Cluster),
		rowID: r.ID, step: r.StepIndex, success: r.Success, created: r.CreatedAt,
	}
}

// updates set what is known.
func (l label) updates() (set []temporal.SearchAttributeUpdate) {
	for _, a := range []struct {
		key   temporal.SearchAttributeKeyKeyword
		value string
	}{
		{AttributeAction, l.action}, {AttributeNamespace, l.namespace}, {AttributePhase, l.phase},
		{AttributeExecution, l.execution}, {AttributeCluster, l.cluster},
	} {
		if a.value != "" {
			set = append(set, a.key.ValueSet(cut(a.value, maxKeyword)))
		}
	}
	if !l.created.IsZero() {
		set = append(set, AttributeCreated.ValueSet(l.created.UTC()))
	}
	return set
}

func (l label) summary() string {
	target := l.namespace
	for _, part := range []string{l.kind, l.name} {
		if part != "" {
			target += "/" + part
		}
	}
	if target == "" {
		target = "no target"
	}
	return cut(fmt.Sprintf("%s · %s · %s", l.action, target, l.phase), maxSummary)
}

func (l label) details() string {
	return cut(fmt.Sprintf("- execution: `%s/%s`\n- workflow: `%s`, step %d\n- phase: %s, success: %t\n- cluster: `%s`\n- row: `%s`\n",
		l.executionNamespace, l.execution, l.workflowRef, l.step, l.phase, l.success, l.cluster, l.rowID), maxDetails)
}
