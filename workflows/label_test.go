package workflows

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.temporal.io/sdk/temporal"

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

func TestANameThatRepeatsASecretOfTheParametersDoesNotShowIt(t *testing.T) {
	t.Parallel()
	s := &Starter{Redactor: redact.New()}
	for field := range named(&audit.Record{}) {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			r := audit.Record{ActionParameters: []byte(`{"password":"kolibri-7-mango"}`)}
			*named(&r)[field] = "x-kolibri-7-mango"
			if text := inClear(s.label(r)); strings.Contains(text, "kolibri") {
				t.Errorf("shown in clear: %s", text)
			}
		})
	}
}

func TestAFieldThatThePolicyCallsSecretDoesNotGoInClear(t *testing.T) {
	t.Parallel()
	for field := range named(&audit.Record{}) {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			redactor, err := redact.NewWith(redact.Options{Fields: map[string]redact.Class{field: redact.Secret}})
			if err != nil {
				t.Fatal(err)
			}
			var r audit.Record
			*named(&r)[field] = "acquisition"
			for door, want := range map[*Starter]bool{{Redactor: redact.New()}: true, {Redactor: redactor}: false} {
				l := door.label(r)
				if shown := strings.Contains(inClear(l), "acquisition"); shown != want {
					t.Errorf("shown in clear: %t, want %t: %s", shown, want, inClear(l))
				}
			}
		})
	}
}

// named are the fields of a record of which something goes in clear.
func named(r *audit.Record) map[string]*string {
	return map[string]*string{
		"action_type": &r.ActionType, "target_namespace": &r.TargetNamespace, "target_resource_kind": &r.TargetResourceKind,
		"target_resource_name": &r.TargetResourceName, "execution_id": &r.ExecutionID, "execution_namespace": &r.ExecutionNamespace,
		"workflow_ref": &r.WorkflowRef, "phase": &r.Phase,
	}
}

// inClear is all that Temporal would get in clear.
func inClear(l label) string {
	text := l.summary() + l.details()
	for _, value := range l.attributes().GetUntypedValues() {
		text += fmt.Sprint(value)
	}
	return text
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

func TestADeliverySaysWhenItsRowWasCreatedIfThatIsKnown(t *testing.T) {
	t.Parallel()
	s := &Starter{Redactor: redact.New()}
	created := time.Date(2026, 11, 23, 23, 30, 0, 0, time.FixedZone("", -3600))
	if got, ok := s.label(audit.Record{CreatedAt: created}).attributes().GetTime(AttributeCreated); !ok || !got.Equal(created) {
		t.Errorf("created at %s, %t; want %s", got, ok, created)
	}
	if got, ok := s.label(audit.Record{}).attributes().GetTime(AttributeCreated); ok {
		t.Errorf("a record without created_at is said to be of %s", got)
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

func (l label) attributes() temporal.SearchAttributes { return labels{l}.attributes() }
