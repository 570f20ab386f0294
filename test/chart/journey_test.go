//go:build chart

package chart

import (
	"context"
	"os"
	"os/exec"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// release has a name, a namespace and, because of the name, objects of its own:
// other tests have theirs on the same API server.
const (
	release    = "journey"
	controller = release + "-auditflow-controller"
	executions = "/apis/execution.kubernaut.io/v1/kubernetesexecutions"
)

// There are no nodes here, so that the hook, a Job, would never end.
func TestAReleaseIsInstalledUpgradedAndRemovedAndItsControllerRunsWithItsRights(t *testing.T) {
	t.Parallel()
	s := enter(t, release)
	api := s.api
	s.secret(t, "auditflow-keyset", "keyset.json", secret(t, "keyset.json"))
	act(t, release, "install", release, root+"/deploy/chart", "--no-hooks", "--set", "cluster=prod-eu-1")
	leadsAndGivesBack(t, s)

	act(t, release, "upgrade", release, root+"/deploy/chart", "--no-hooks", "--reset-then-reuse-values", "--set", "worker.replicas=5")
	worker, err := api.AppsV1().Deployments(release).Get(t.Context(), release+"-auditflow-worker", metav1.GetOptions{})
	if err != nil || *worker.Spec.Replicas != 5 {
		t.Errorf("after the upgrade: %v, %v", worker.Spec.Replicas, err)
	}

	act(t, release, "uninstall", release, "--no-hooks")
	if _, err := api.CoreV1().ServiceAccounts(release).Get(t.Context(), controller, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the ServiceAccount is still there: %v", err)
	}
	if _, err := api.Discovery().RESTClient().Get().AbsPath(executions).DoRaw(t.Context()); err != nil {
		t.Errorf("the CRD went with the release: %v", err)
	}
	act(t, release, "install", release, root+"/deploy/chart", "--no-hooks", "--set", "cluster=prod-eu-1") // and finds it there
}

// act has helm do something to the world's cluster.
func act(t *testing.T, namespace string, args ...string) {
	t.Helper()
	args = append(args, "--namespace", namespace, "--kubeconfig", cluster.Kube.Kubeconfig)
	cmd := exec.CommandContext(t.Context(), root+"/bin/helm", args...) //nolint:gosec // our own
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("helm %s: %v\n%s", args[0], err, said)
	}
}

// leadsAndGivesBack runs the controller as the release's ServiceAccount until it is ready and
// leads, and checks that it gives the lease back and was refused nothing.
func leadsAndGivesBack(t *testing.T, s *stage) {
	t.Helper()
	p, err := s.node.Start(t.Context(), s.name, controller)
	if err != nil {
		t.Fatal(err)
	}
	s.until(t, "ready and leading", func(ctx context.Context) bool { return p.Ready(ctx) && s.leadTold(ctx) })
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if refused := s.refusals.all(); len(refused) > 0 || s.holder(t.Context()) != "" {
		t.Errorf("it was refused %v, or still leads:\n%s", refused, p.Said())
	}
}
