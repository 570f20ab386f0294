package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"go.temporal.io/api/workflowservice/v1"
	eventsv1 "k8s.io/api/events/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/test/world"
	"github.com/auditflow/auditflow/workflows"
)

func TestKubectlGetShowsTheAuditState(t *testing.T) {
	t.Parallel()
	running := execution("audit-column")
	if _, err := stage.executor.Begin(t.Context(), running, world.Plan{Refusal: "x"}); err != nil {
		t.Fatal(err)
	}
	isHeld(t, running)
	if got := columns(t, running.Name); got["Audit"] != "Pending" || got["Action"] != "scale-deployment" || got["Target"] != "web" {
		t.Errorf("kubectl get prints %v", got)
	}
	done, err := stage.executor.Refuse(t.Context(), running, "x")
	if err != nil {
		t.Fatal(err)
	}
	id := theRow(t, patience, done.UID).ID
	isMarked(t, done.Name, id)
	got := columns(t, running.Name)
	if got["Audit"] != "Persisted" || got["Phase"] != "Failed" || !strings.HasPrefix(got["Persisted"], id) {
		t.Errorf("kubectl get -o wide prints %v", got)
	}
}

// columns asks for what kubectl get prints.
func columns(t *testing.T, name string) map[string]string {
	t.Helper()
	config := rest.CopyConfig(stage.Kube.Config)
	config.APIPath, config.GroupVersion = "/apis", &v1.GroupVersion
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	c, err := rest.RESTClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	body, err := c.Get().Namespace(namespace).Resource("kubernetesexecutions").Name(name).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var table metav1.Table
	if err := json.Unmarshal(body, &table); err != nil {
		t.Fatal(err)
	}
	cells := map[string]string{}
	for i, c := range table.ColumnDefinitions {
		if cell := table.Rows[0].Cells[i]; cell != nil {
			cells[c.Name] = fmt.Sprint(cell)
		}
	}
	return cells
}

func TestKubectlDescribeTellsWhereTheRowIs(t *testing.T) {
	t.Parallel()
	done := execute(t, execution("has-events"), world.Plan{Refusal: "x"})
	id := theRow(t, patience, done.UID).ID
	eventually(t, patience, "the event", func(ctx context.Context) error {
		var list eventsv1.EventList
		if err := stage.executor.Client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
			return err
		}
		for _, e := range list.Items {
			if e.Regarding.UID == done.UID && e.Reason == "AuditPersisted" && strings.Contains(e.Note, id) &&
				strings.Contains(e.Note, "kubernetes_execution_audit_") && strings.Contains(e.Note, workflows.DeliveryID(v1.Kind, string(done.UID))) {
				return nil
			}
		}
		return errors.New("there is none with row, partition and workflow")
	})
}

func TestTheAPIServerRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*v1.KubernetesExecution)
		want   string
	}{
		"no action":             {func(ex *v1.KubernetesExecution) { ex.Spec.Action.Type = "" }, "spec.action.type"},
		"an over-long action":   {func(ex *v1.KubernetesExecution) { ex.Spec.Action.Type = strings.Repeat("x", 101) }, "spec.action.type"},
		"more than 5 retries":   {func(ex *v1.KubernetesExecution) { ex.Spec.MaxRetries = 6 }, "spec.maxRetries"},
		"fewer than 0 retries":  {func(ex *v1.KubernetesExecution) { ex.Spec.MaxRetries = -1 }, "spec.maxRetries"},
		"a negative step":       {func(ex *v1.KubernetesExecution) { ex.Spec.StepIndex = -1 }, "spec.stepIndex"},
		"no workflow":           {func(ex *v1.KubernetesExecution) { ex.Spec.WorkflowExecutionRef.Name = "" }, "workflowExecutionRef.name"},
		"a timeout of nothing":  {func(ex *v1.KubernetesExecution) { ex.Spec.Timeout = &metav1.Duration{} }, "timeout must be more than 0s"},
		"a long target name":    {func(ex *v1.KubernetesExecution) { ex.Spec.Action.Target.ResourceName = strings.Repeat("x", 254) }, "resourceName"},
		"a status out of range": {nil, "status.retryCount"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ex := execution("refused-" + strings.ReplaceAll(name, " ", "-"))
			if tc.change != nil {
				tc.change(ex)
			}
			err := stage.executor.Client.Create(t.Context(), ex)
			if tc.change == nil {
				if err != nil {
					t.Fatal(err)
				}
				err = stage.executor.Client.Status().Patch(t.Context(), ex,
					client.RawPatch(types.MergePatchType, []byte(`{"status":{"retryCount":-1}}`)))
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error about %s", err, tc.want)
			}
		})
	}
}

func TestWhatWasAskedForAndHowItEndedCannotBeChanged(t *testing.T) {
	t.Parallel()
	ex := execution("immutable")
	done := execute(t, ex, world.Plan{Refusal: "x"})
	isMarked(t, done.Name, theRow(t, patience, done.UID).ID)
	for name, change := range map[string]func(*v1.KubernetesExecution) error{
		"spec": func(ex *v1.KubernetesExecution) error {
			ex.Spec.Action.Type = "something-else"
			return stage.executor.Client.Update(t.Context(), ex)
		},
		"parameters": func(ex *v1.KubernetesExecution) error {
			ex.Spec.Action.Parameters = &apiextensionsv1.JSON{Raw: []byte(`{"replicas":4}`)}
			return stage.executor.Client.Update(t.Context(), ex)
		},
		"phase": func(ex *v1.KubernetesExecution) error {
			ex.Status.Phase = v1.PhaseCompleted
			return stage.executor.Client.Status().Update(t.Context(), ex)
		},
	} {
		now := &v1.KubernetesExecution{}
		if err := stage.executor.Client.Get(t.Context(), done.Name, now); err != nil {
			t.Fatal(err)
		}
		if err := change(now); err == nil || !strings.Contains(err.Error(), "Invalid") && !strings.Contains(err.Error(), "invalid") {
			t.Errorf("the %s of a finished execution could be changed: %v", name, err)
		}
	}
}

func TestTheTemporalUIFindsADeliveryAndShowsNoContent(t *testing.T) {
	t.Parallel()
	const canary = "canary-of-the-output"
	ex := execution("findable")
	ex.Spec.Action.Type, ex.Spec.Action.Target.Namespace = "rollback-findable", "prod-findable"
	done := execute(t, ex, world.Plan{ExitCodes: []int{2}, Output: canary, Error: canary})
	theRow(t, patience, done.UID)
	id := workflows.DeliveryID(v1.Kind, string(done.UID))

	eventually(t, patience, "the workflow list", func(ctx context.Context) error {
		found, err := stage.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: `AuditAction = "rollback-findable" AND AuditNamespace = "prod-findable" AND AuditPhase = "Failed" AND AuditSuccess = false`})
		if err != nil {
			return err
		}
		if len(found.Executions) != 1 || found.Executions[0].Execution.WorkflowId != id {
			return fmt.Errorf("it finds %v", found.Executions)
		}
		return nil
	})
	described, err := stage.temporal.DescribeWorkflowExecution(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	summary := string(described.ExecutionConfig.UserMetadata.Summary.Data)
	if want := `"rollback-findable · prod-findable/Deployment/web · Failed"`; summary != want {
		t.Errorf("summary %s, want %s", summary, want)
	}
	history := stage.temporal.GetWorkflowHistory(t.Context(), id, "", false, 0)
	events := 0
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			t.Fatal(err)
		}
		events++
		if text := event.String(); strings.Contains(text, canary) || strings.Contains(text, "replicas") {
			t.Errorf("history shows content: %s", text)
		}
	}
	if events < 6 {
		t.Errorf("only %d events were looked at", events)
	}
}

func TestBothProgramsShowTheirMetrics(t *testing.T) {
	t.Parallel()
	theRow(t, patience, execute(t, execution("counted"), world.Plan{Refusal: "x"}).UID)
	for line, url := range map[string]string{
		"# TYPE kubernaut_kubernetesexecutor_pending_audit_records gauge":              stage.product.Controller.URL,
		"# TYPE controller_runtime_reconcile_total counter":                            stage.product.Controller.URL,
		"# TYPE kubernaut_kubernetesexecutor_audit_storage_attempts_total counter":     stage.product.Worker.URL,
		"# TYPE kubernaut_kubernetesexecutor_audit_storage_duration_seconds histogram": stage.product.Worker.URL,
		"# TYPE auditflow_delivery_lag_seconds histogram":                              stage.product.Worker.URL,
		`auditflow_records_total{outcome="conflict"} 0`:                                stage.product.Worker.URL,
	} {
		if err := metric(t.Context(), url, line); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryMetricThatIsServedIsDocumented(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	theRow(t, patience, execute(t, execution("documented"), world.Plan{}).UID) // so that there is something to tell
	for _, url := range []string{stage.product.Controller.URL, stage.product.Worker.URL} {
		families := 0
		for line := range strings.Lines(served(t, url)) {
			name, kind, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "# TYPE "), " ")
			if !ok || !strings.HasPrefix(line, "# TYPE ") || undocumented(name) {
				continue
			}
			families++
			row := "| `" + name + "` | "
			if strings.HasPrefix(name, "auditflow_") || strings.HasPrefix(name, "kubernaut_") {
				row += kind + " | "
			}
			if !strings.Contains(string(docs), row) {
				t.Errorf("%s serves %s, a %s, of which docs/metrics.md has no %q: is it registered where metricsdoc does not look?", url, name, kind, row)
			}
		}
		if families < 10 {
			t.Errorf("%s serves only %d metrics", url, families)
		}
	}
}

// undocumented tells of libraries whose metrics the docs tell of in general.
func undocumented(name string) bool {
	return strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") || strings.HasPrefix(name, "temporal_")
}

// served is what a program shows as its metrics.
func served(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s/metrics: %s, %v", url, res.Status, err)
	}
	return string(text)
}
