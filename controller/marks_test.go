package controller

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
)

func TestMarksAndEventTellWhatBecameOfTheRecord(t *testing.T) {
	t.Parallel()
	const live, quarantine = "kubernetes_execution_audit_2026_11", "kubernetes_execution_audit_quarantine"
	at := time.Date(2026, 11, 23, 5, 0, 0, 0, time.FixedZone("UTC+1", 3600))
	cases := map[string]struct {
		receipt             audit.Receipt
		state, kind, reason string
		told                []string
	}{
		"a row": {
			audit.Receipt{ID: "row-1", Partition: live, Outcome: audit.OutcomeStored},
			v1.StatePersisted, corev1.EventTypeNormal, "AuditPersisted", []string{"row-1", live, "2 places redacted"},
		},
		"a row that was there": {
			audit.Receipt{ID: "row-1", Partition: live, Outcome: audit.OutcomeDuplicate},
			v1.StatePersisted, corev1.EventTypeNormal, "AuditPersisted", []string{"row-1", live},
		},
		"another row that was there": {
			audit.Receipt{ID: "row-1", Partition: live, Outcome: audit.OutcomeConflict},
			v1.StatePersisted, corev1.EventTypeWarning, "AuditConflict", []string{"row-1", live, "the first one stays"},
		},
		"a record in quarantine": {
			audit.Receipt{ID: "row-1", Partition: quarantine, Outcome: audit.OutcomeQuarantined},
			v1.StateQuarantined, corev1.EventTypeWarning, "AuditQuarantined",
			[]string{"row-1", quarantine, "auditctl quarantine list"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			annotations := persistedAnnotations(c.receipt, at)
			if got := annotations[v1.PersistedAnnotation]; got != "row-1 2026-11-23T04:00:00Z" {
				t.Errorf("persisted annotation %q", got)
			}
			if got := annotations[v1.StateAnnotation]; got != c.state {
				t.Errorf("state %q, want %q", got, c.state)
			}
			kind, reason, note := tidings(delivery{receipt: c.receipt, masked: 2, workflowID: "audit/KubernetesExecution/uid"})
			if kind != c.kind || reason != c.reason {
				t.Errorf("event %s %s, want %s %s", kind, reason, c.kind, c.reason)
			}
			for _, part := range append(c.told, "audit/KubernetesExecution/uid") {
				if !strings.Contains(note, part) {
					t.Errorf("the event does not tell %q: %s", part, note)
				}
			}
		})
	}
}
