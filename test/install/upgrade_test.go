//go:build install

package install

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubeclient "sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/test/world"
)

// The release before is the last tag before this commit or, as long as there is none, the
// commit before; FROM names another.
func TestAnUpgradeUnderLoadAndTheWayBackLoseNothing(t *testing.T) {
	p := arrive(t)
	steps, _ := read(p.guide(t))
	p.follow(t, steps[:1], "Before")
	earlier := cloned(t, earlierRelease(t))
	p.node.Images = map[string]string{image + ":earlier": filepath.Join(earlier, "bin"), image + ":later": p.node.Programs}
	p.runs(t, "make -C "+earlier+" build",
		helm("install", earlier, "earlier")+" --set cluster=prod-eu-1 --set temporal.address="+p.Temporal.Address+" --set temporal.namespace="+p.Temporal.Namespace)
	p.everythingRuns(t)
	p.isOf(t, "earlier")

	load := p.loads(t)
	load.more(t, 20)
	p.runs(t, helm("upgrade", p.reader.dir, "later")+" --reset-then-reuse-values")
	p.everythingRuns(t)
	p.isOf(t, "later")
	load.more(t, 20)
	p.runs(t, "helm rollback auditflow 1 --namespace "+namespace+" --timeout 3m")
	p.everythingRuns(t)
	p.isOf(t, "earlier")
	load.more(t, 20)
	load.ends(t)
}

const image = "registry.example.com/auditflow"

func helm(verb, clone, tag string) string {
	return "helm " + verb + " auditflow " + clone + "/deploy/chart --namespace " + namespace + " --timeout 3m --set image.repository=" + image + " --set image.tag=" + tag
}

func earlierRelease(t *testing.T) string {
	t.Helper()
	tag, err := exec.CommandContext(t.Context(), "git", "-C", root, "describe", "--tags", "--abbrev=0", "HEAD~1").Output()
	if err != nil {
		tag = []byte("HEAD~1")
	}
	return cmp.Or(os.Getenv("FROM"), strings.TrimSpace(string(tag)))
}

// runs has commands run by the reader, who finds them nowhere in the guide.
func (p *place) runs(t *testing.T, commands ...string) {
	t.Helper()
	if err := p.reader.follow(t.Context(), step{"Upgrade under load", strings.Join(commands, "\n")}); err != nil {
		t.Fatal(err)
	}
}

// isOf looks which release the pods are of.
func (p *place) isOf(t *testing.T, tag string) {
	t.Helper()
	p.until(t, "only pods of the release "+tag, func(ctx context.Context) bool {
		pods, err := p.api.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/component in (controller,worker,api)"})
		if err != nil || len(pods.Items) < 6 {
			return false
		}
		for _, pod := range pods.Items {
			if pod.Spec.Containers[0].Image != image+":"+tag {
				return false
			}
		}
		return true
	})
}

// load are executions that end, four a second, whatever else happens.
type load struct {
	*place
	executor *world.Executor
	stop     context.CancelFunc
	ended    chan error
	n        atomic.Int64 // execution-0 to execution-(n-1) have ended
}

func (p *place) loads(t *testing.T) *load {
	t.Helper()
	executor, err := world.NewExecutor(p.Kube.Config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	l := &load{place: p, executor: executor, stop: stop, ended: make(chan error, 1)}
	go func() { l.ended <- l.run(ctx) }()
	t.Cleanup(stop)
	return l
}

func (l *load) run(ctx context.Context) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		ex := &v1.KubernetesExecution{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name(l.n.Load())}}
		ex.Spec.WorkflowExecutionRef.Name, ex.Spec.Action.Type = "load", "restart-deployment"
		// What has begun ends, or it would be nobody's execution.
		if _, err := l.executor.Execute(context.WithoutCancel(ctx), ex, world.Plan{Refusal: "no"}); err != nil {
			return err
		}
		l.n.Add(1)
	}
}

func name(i int64) string { return fmt.Sprintf("execution-%d", i) }

// more waits until that many more have ended and have their marks.
func (l *load) more(t *testing.T, n int64) {
	t.Helper()
	from := l.n.Load()
	l.until(t, fmt.Sprintf("%d more executions to be marked", n), func(ctx context.Context) bool {
		return l.n.Load() >= from+n && l.marked(ctx, from, from+n)
	})
}

func (l *load) marked(ctx context.Context, from, to int64) bool {
	for i := from; i < to; i++ {
		ex := &v1.KubernetesExecution{}
		if l.executor.Client.Get(ctx, kubeclient.ObjectKey{Namespace: "default", Name: name(i)}, ex) != nil || ex.Annotations[v1.PersistedAnnotation] == "" {
			return false
		}
	}
	return true
}

// ends stops the load and checks that every execution has its mark and one row.
func (l *load) ends(t *testing.T) {
	t.Helper()
	l.stop()
	if err := <-l.ended; err != nil {
		t.Fatal(err)
	}
	n := l.n.Load()
	l.until(t, "all executions to be marked", func(ctx context.Context) bool { return l.marked(ctx, 0, n) })
	var rows, executions int64
	l.ask(t, &rows, `SELECT count(*) FROM kubernetes_execution_audit`)
	l.ask(t, &executions, `SELECT count(DISTINCT execution_id) FROM kubernetes_execution_audit`)
	if rows != n || executions != n {
		t.Errorf("%d executions ended; there are %d rows of %d executions", n, rows, executions)
	}
	t.Logf("%d executions ended meanwhile: %d rows", n, rows)
}
