package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"

	"github.com/auditflow/auditflow/audit"
)

// label is what may be read of a delivery in clear: names, masked.
type label struct {
	action, namespace, kind, name      string
	execution, executionNamespace      string
	workflowRef, phase, cluster, rowID string
	step                               int32
	success                            bool
}

func (s *Starter) label(r audit.Record) label {
	masked := func(name string) string { return plain(s.Redactor.Name(name)) }
	return label{
		action: masked(r.ActionType), namespace: masked(r.TargetNamespace),
		kind: masked(r.TargetResourceKind), name: masked(r.TargetResourceName),
		execution: masked(r.ExecutionID), executionNamespace: masked(r.ExecutionNamespace),
		workflowRef: masked(r.WorkflowRef), phase: masked(r.Phase), cluster: plain(r.Cluster),
		rowID: r.ID, step: r.StepIndex, success: r.Success,
	}
}

func (l label) attributes() temporal.SearchAttributes {
	set := []temporal.SearchAttributeUpdate{AttributeSuccess.ValueSet(l.success)}
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
	return temporal.NewSearchAttributes(set...)
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
