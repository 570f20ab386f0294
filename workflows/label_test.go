package workflows

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
)

func TestWhatGoesInClearIsMaskedAndHarmless(t *testing.T) {
	t.Parallel()
	const secret = "ghp_1234567890abcdefghijABCDEFGHIJ123456"
	s := &Starter{Redactor: redact.New()}
	r := audit.Record{
		ID: "row", ActionType: "patch\n`x`\u202e", TargetNamespace: "prod", TargetResourceKind: "Secret",
		TargetResourceName: "token-" + secret, ExecutionID: secret, WorkflowRef: secret, Phase: "Failed", Cluster: "c",
	}
	l := s.label(r)
	for name, text := range map[string]string{"summary": l.summary(), "details": l.details()} {
		if strings.Contains(text, secret) {
			t.Errorf("the %s shows a secret: %s", name, text)
		}
		if strings.ContainsRune(text, '\u202e') || strings.Contains(text, "`x`") {
			t.Errorf("the %s lets a name format its surroundings: %q", name, text)
		}
	}
	attributes := l.attributes()
	if v, _ := attributes.GetKeyword(AttributeExecution); strings.Contains(v, secret) || v == "" {
		t.Errorf("execution attribute %q", v)
	}
	if v, ok := attributes.GetKeyword(AttributePhase); !ok || v != "Failed" {
		t.Errorf("phase attribute %q", v)
	}
}

func TestNamesOfAnyLengthFitWhatTemporalAccepts(t *testing.T) {
	t.Parallel()
	s := &Starter{Redactor: redact.New()}
	long := strings.Repeat("é", 253)
	l := s.label(audit.Record{ActionType: long, TargetNamespace: long, TargetResourceKind: long, TargetResourceName: long,
		ExecutionID: long, WorkflowRef: long, Phase: "Failed", Cluster: long})
	if n := len(l.summary()); n > maxSummary {
		t.Errorf("summary of %d bytes", n)
	}
	if n := len(l.details()); n > maxDetails {
		t.Errorf("details of %d bytes", n)
	}
	v, _ := l.attributes().GetKeyword(AttributeExecution)
	if len(v) > maxKeyword || !utf8.ValidString(v) {
		t.Errorf("attribute of %d bytes, valid UTF-8: %t", len(v), utf8.ValidString(v))
	}
}

func TestAnAbsentNameIsAnAbsentAttribute(t *testing.T) {
	t.Parallel()
	s := &Starter{Redactor: redact.New()}
	l := s.label(audit.Record{ActionType: "drain", Phase: "Completed"})
	if _, ok := l.attributes().GetKeyword(AttributeNamespace); ok {
		t.Error("an empty namespace is searchable")
	}
	if got, want := l.summary(), "drain · no target · Completed"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
}
