//go:build install

package install

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/client"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	kubeclient "sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/test/world"
)

func TestAStrangerWhoFollowsTheGuideHasARecordAndCanGoAgain(t *testing.T) {
	p := arrive(t)
	steps, left := read(p.guide(t))
	if len(left) != 2 {
		t.Errorf("%d blocks of the guide have something to fill in; known are 2", len(left))
	}
	p.follow(t, steps[:1], "Before") // what is built depends on the machine
	began := time.Now()
	p.follow(t, steps[1:3], "Installing")
	t.Logf("the first verified record %.0f s after \"helm install\"", time.Since(began).Seconds())
	if n := p.rows(t, "first"); n != 1 {
		t.Fatalf("%d rows of the first execution", n)
	}
	p.everythingRuns(t)

	p.follow(t, steps[3:4], "Upgrading")
	p.everythingRuns(t)
	p.records(t, "after-the-upgrade")

	p.follow(t, steps[4:], "Removing")
	p.nothingIsHeld(t)
	p.whatIsSaidToRemainDoes(t)
}

// guide is the page as it is in the clone.
func (p *place) guide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(p.reader.dir + "/docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// follow does steps, all of which must be of one section.
func (p *place) follow(t *testing.T, steps []step, section string) {
	t.Helper()
	if len(steps) == 0 {
		t.Fatalf("the guide has no commands in %s", section)
	}
	for _, s := range steps {
		if s.section != section {
			t.Fatalf("commands of %s where those of %s were expected: has the guide another order?", s.section, section)
		}
		if err := p.reader.follow(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

func (p *place) rows(t *testing.T, execution string) (n int) {
	t.Helper()
	p.ask(t, &n, `SELECT count(*) FROM kubernetes_execution_audit WHERE execution_id = $1`, execution)
	return n
}

func (p *place) ask(t *testing.T, into any, question string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if err := conn.QueryRow(t.Context(), question, args...).Scan(into); err != nil {
		t.Fatal(err)
	}
}

// everythingRuns looks at the Deployments: all replicas of three programs are ready.
func (p *place) everythingRuns(t *testing.T) {
	t.Helper()
	p.until(t, "every replica to be ready and of the last upgrade", func(ctx context.Context) bool {
		all, err := p.api.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
		if err != nil || len(all.Items) != 3 {
			return false
		}
		for _, d := range all.Items {
			if want := *d.Spec.Replicas; want < 2 || d.Status.ReadyReplicas != want || d.Status.UpdatedReplicas != want || d.Status.Replicas != want {
				return false
			}
		}
		return true
	})
}

// records has an execution end, and waits for its row and its mark.
func (p *place) records(t *testing.T, name string) {
	t.Helper()
	executor, err := world.NewExecutor(p.Kube.Config)
	if err != nil {
		t.Fatal(err)
	}
	ex := &v1.KubernetesExecution{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	ex.Spec.WorkflowExecutionRef.Name, ex.Spec.Action.Type = "try-it", "restart-deployment"
	if _, err := executor.Execute(t.Context(), ex, world.Plan{Refusal: "no"}); err != nil {
		t.Fatal(err)
	}
	p.until(t, name+" to be marked", func(ctx context.Context) bool {
		return executor.Client.Get(ctx, kubeclient.ObjectKeyFromObject(ex), ex) == nil && ex.Annotations[v1.PersistedAnnotation] != ""
	})
	if n := p.rows(t, name); n != 1 {
		t.Errorf("%d rows of %s", n, name)
	}
}

// nothingIsHeld deletes the executions: nobody would take a finalizer off any more.
func (p *place) nothingIsHeld(t *testing.T) {
	t.Helper()
	executor, err := world.NewExecutor(p.Kube.Config)
	if err != nil {
		t.Fatal(err)
	}
	var all v1.KubernetesExecutionList
	if err := executor.Client.List(t.Context(), &all); err != nil || len(all.Items) == 0 {
		t.Fatalf("%d executions, %v", len(all.Items), err)
	}
	if err := executor.Client.DeleteAllOf(t.Context(), &v1.KubernetesExecution{}, kubeclient.InNamespace("default")); err != nil {
		t.Fatal(err)
	}
	p.until(t, "the executions to be gone", func(ctx context.Context) bool {
		return executor.Client.List(ctx, &all) == nil && len(all.Items) == 0
	})
}

func (p *place) whatIsSaidToRemainDoes(t *testing.T) {
	t.Helper()
	var n int
	p.ask(t, &n, `SELECT count(*) FROM kubernetes_execution_audit`)
	if n != 2 {
		t.Errorf("%d records remain, of 2", n)
	}
	for _, name := range []string{"auditflow-keyset", "auditflow-database-writer", "auditflow-database-maintainer"} {
		if _, err := p.api.CoreV1().Secrets(namespace).Get(t.Context(), name, metav1.GetOptions{}); err != nil {
			t.Errorf("Secret %s: %v", name, err)
		}
	}
	if _, err := p.api.Discovery().ServerResourcesForGroupVersion("execution.kubernaut.io/v1"); err != nil {
		t.Errorf("the CRD: %v", err)
	}
	temporal, err := client.Dial(client.Options{HostPort: p.Temporal.Address, Namespace: p.Temporal.Namespace})
	if err != nil {
		t.Fatal(err)
	}
	defer temporal.Close()
	if _, err := temporal.ScheduleClient().GetHandle(t.Context(), "audit-create-partitions").Describe(t.Context()); err != nil {
		t.Errorf("the schedules: %v", err)
	}
	p.until(t, "everything of the release to be gone", func(ctx context.Context) bool {
		accounts, err := p.api.CoreV1().ServiceAccounts(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=auditflow"})
		pods, err2 := p.api.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		_, err3 := p.api.RbacV1().ClusterRoles().Get(ctx, "auditflow-controller", metav1.GetOptions{})
		return err == nil && err2 == nil && apierrors.IsNotFound(err3) && len(accounts.Items) == 0 && len(pods.Items) == 0
	})
}

func (p *place) until(t *testing.T, what string, so func(context.Context) bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) { return so(ctx), nil })
	if err != nil {
		t.Fatalf("waited in vain for %s", what)
	}
}

func TestTheFileOfRolesIsWhatThePageAboutTheDatabaseSays(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(root + "/docs/database.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(root + "/deploy/database.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```sql\n")
	block, _, _ := strings.Cut(rest, "```")
	statements := slices.DeleteFunc(strings.SplitAfter(string(file), "\n"), func(line string) bool { return strings.HasPrefix(line, "--") })
	if got := strings.Join(statements, ""); got != block {
		t.Errorf("deploy/database.sql is\n%s\nand docs/database.md says\n%s", got, block)
	}
}
