package e2e

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/test/leak"
	"github.com/auditflow/auditflow/test/otlp"
	"github.com/auditflow/auditflow/test/world"
)

// path is the names of spans from the last one up to the first one of its trace,
// in the order of what happened.
func path(spans []otlp.Span, last otlp.Span) (names []string) {
	for at := &last; at != nil; {
		names = append(names, at.Service+" "+at.Name)
		parent := slices.IndexFunc(spans, func(s otlp.Span) bool { return s.ID == at.Parent && s.Trace == at.Trace })
		if parent < 0 {
			break
		}
		at = &spans[parent]
	}
	slices.Reverse(names)
	return names
}

// traceOf is the trace in which a workflow was started, once a span of that name is
// there, which is the last to come. It fails if there are several traces.
func traceOf(t *testing.T, workflowID string, last ...string) (trace []otlp.Span) {
	t.Helper()
	eventually(t, patience, "the trace of "+workflowID, func(context.Context) error {
		all, ids := stage.collector.Spans(), map[string]bool{}
		for _, s := range all {
			if s.Attributes["temporalWorkflowID"] == workflowID {
				ids[s.Trace] = true
			}
		}
		if len(ids) != 1 {
			return fmt.Errorf("it is in %d traces", len(ids))
		}
		trace = slices.DeleteFunc(all, func(s otlp.Span) bool { return !ids[s.Trace] })
		for _, name := range last {
			if !slices.ContainsFunc(trace, func(s otlp.Span) bool { return s.Name == name }) {
				return errors.New("no span " + name)
			}
		}
		return nil
	})
	slices.SortFunc(trace, func(a, b otlp.Span) int { return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.ID, b.ID)) })
	return trace
}

// span is the only one of a name.
func spanOf(t *testing.T, trace []otlp.Span, name string) otlp.Span {
	t.Helper()
	found := slices.DeleteFunc(slices.Clone(trace), func(s otlp.Span) bool { return s.Name != name })
	if len(found) != 1 {
		t.Fatalf("%d spans %s", len(found), name)
	}
	return found[0]
}

// committed is the span of the statement that took the row: the first of a
// partition misses that, and another one follows.
func committed(t *testing.T, trace []otlp.Span) otlp.Span {
	t.Helper()
	return spanOf(t, slices.DeleteFunc(slices.Clone(trace), func(s otlp.Span) bool { return s.Error }), insert)
}

const insert = "INSERT kubernetes_execution_audit"

// toCommit is the way of a record from the start of its workflow.
var toCommit = []string{"StartWorkflow:DeliverAudit", "auditflow-worker RunWorkflow:DeliverAudit",
	"auditflow-worker StartActivity:Redact", "auditflow-worker RunActivity:Redact", "auditflow-worker " + insert}

// isLogged tells that a program has written a line that belongs to a trace.
func isLogged(t *testing.T, program, message, trace string) {
	t.Helper()
	eventually(t, patience, program+" logs "+message, func(context.Context) error {
		log, err := os.ReadFile(filepath.Join(stage.LogDir(), program+".log"))
		if err != nil {
			return err
		}
		for line := range bytes.Lines(log) {
			if bytes.Contains(line, []byte(`"`+message+`"`)) && bytes.Contains(line, []byte(`"trace_id":"`+trace+`"`)) {
				return nil
			}
		}
		return errors.New("no such line")
	})
}

// isNotTraced tells that nothing that came to the collector shows the secrets.
func isNotTraced(t *testing.T, secrets ...string) {
	t.Helper()
	came := string(stage.collector.Bodies())
	if !strings.Contains(came, insert) {
		t.Fatal("the search is blind")
	}
	for i, value := range secrets {
		if (leak.Secret{Label: fmt.Sprint(i), Value: value}).In(came) {
			t.Errorf("secret %d is in a span", i)
		}
	}
}

func canaryOf(where string) string {
	return fmt.Sprintf("canary-%s-%d", where, time.Now().UnixNano())
}

func TestAnExecutionIsOneTraceFromTheWatchEventToTheCommit(t *testing.T) {
	t.Parallel()
	ex := execution(canaryOf("name"))
	ex.Spec.Action.Target.Namespace = canaryOf("namespace")
	ex.Spec.Action.Parameters = &apiextensionsv1.JSON{Raw: []byte(`{"password":"` + canaryOf("parameter") + `"}`)}
	plan := world.Plan{ExitCodes: []int{1}, Output: "token=" + canaryOf("output"), Error: canaryOf("error")}
	done := execute(t, ex, plan)
	isMarked(t, done.Name, theRow(t, patience, done.UID).ID)

	trace := traceOf(t, "audit/KubernetesExecution/"+string(done.UID), insert, "RunWorkflow:DeliverAudit", "mark KubernetesExecution")
	commit, mark := committed(t, trace), spanOf(t, trace, "mark KubernetesExecution")
	want := []string{"auditflow-controller reconcile KubernetesExecution", "auditflow-controller deliver KubernetesExecution", "auditflow-controller " + toCommit[0]}
	if got := path(trace, commit); !slices.Equal(got, append(want, toCommit[1:]...)) {
		t.Errorf("the way to the commit is %q", got)
	}
	if got := path(trace, mark); !slices.Equal(got, []string{want[0], "auditflow-controller mark KubernetesExecution"}) {
		t.Errorf("the way to the mark is %q", got)
	}
	if started := spanOf(t, trace, "deliver KubernetesExecution"); !slices.Equal(mark.Links, []string{started.ID}) {
		t.Errorf("the mark is linked with %q", mark.Links)
	}
	if a := commit.Attributes; a["db.system.name"] != "postgresql" || a["db.response.returned_rows"] != "1" || commit.Began.After(commit.Ended) {
		t.Errorf("the statement is told as %v", a)
	}
	isLogged(t, "controller", "delivery started", commit.Trace)
	isLogged(t, "worker", "records appended", commit.Trace)
	isNotTraced(t, ex.Name, ex.Spec.Action.Target.Namespace, string(ex.Spec.Action.Parameters.Raw), plan.Output, plan.Error)
}

func TestARequestContinuesTheTraceOfItsClientToTheCommit(t *testing.T) {
	t.Parallel()
	began := fmt.Sprintf("%032x", time.Now().UnixNano())
	state, output := canaryOf("state"), canaryOf("output")
	record := posted(t, fields{"output": output, "execution_id": canaryOf("name")})
	accepted := client8085().post(t, "?wait=persisted", record.json(),
		"traceparent", "00-"+began+"-00f067aa0ba902b7-01", "tracestate", "vendor="+state, "baggage", "secret="+state,
		"User-Agent", state).want(http.StatusCreated).accepted()
	theRow(t, patience, types.UID(record.uid()))

	const request = "POST " + httpapi.PathRecords
	trace := traceOf(t, accepted.WorkflowID, insert, "RunWorkflow:DeliverAudit", request)
	commit, served := committed(t, trace), spanOf(t, trace, request)
	if got := path(trace, commit); !slices.Equal(got, append([]string{"auditflow-api " + request, "auditflow-api " + toCommit[0]}, toCommit[1:]...)) {
		t.Errorf("the way to the commit is %q", got)
	}
	if served.Trace != began || served.Parent != "00f067aa0ba902b7" || served.Attributes["http.response.status_code"] != "201" {
		t.Errorf("%+v", served)
	}
	isLogged(t, "worker", "records appended", began)
	isNotTraced(t, state, output, record["execution_id"].(string))
}

// Not parallel: all spans of the others would be missing.
func TestACollectorThatHangsDelaysNoDelivery(t *testing.T) {
	release := make(chan struct{})
	stage.collector.Answer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer close(release)
	defer stage.collector.Answer(nil)
	for i := range 3 {
		done := execute(t, execution(fmt.Sprint("collector-hangs-", i)), world.Plan{Refusal: "x"})
		isMarked(t, done.Name, theRow(t, patience, done.UID).ID)
	}
	if t.Failed() {
		t.Log("a delivery waited for the collector")
	}
}
