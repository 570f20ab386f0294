//go:build chart

package chart

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
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
	api, err := kubernetes.NewForConfig(cluster.Kube.Config)
	if err != nil {
		t.Fatal(err)
	}
	act(t, "install", release, root+"/deploy/chart", "--create-namespace", "--no-hooks", "--set", "cluster=prod-eu-1")
	leads(t, api)

	act(t, "upgrade", release, root+"/deploy/chart", "--no-hooks", "--reset-then-reuse-values", "--set", "worker.replicas=5")
	worker, err := api.AppsV1().Deployments(release).Get(t.Context(), release+"-auditflow-worker", metav1.GetOptions{})
	if err != nil || *worker.Spec.Replicas != 5 {
		t.Errorf("after the upgrade: %v, %v", worker.Spec.Replicas, err)
	}

	act(t, "uninstall", release, "--no-hooks")
	if _, err := api.CoreV1().ServiceAccounts(release).Get(t.Context(), controller, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the ServiceAccount is still there: %v", err)
	}
	if _, err := api.Discovery().RESTClient().Get().AbsPath(executions).DoRaw(t.Context()); err != nil {
		t.Errorf("the CRD went with the release: %v", err)
	}
	act(t, "install", release, root+"/deploy/chart", "--no-hooks", "--set", "cluster=prod-eu-1") // and finds it there
}

// act has helm do something to the world's cluster.
func act(t *testing.T, args ...string) {
	t.Helper()
	args = append(args, "--namespace", release, "--kubeconfig", cluster.Kube.Kubeconfig)
	cmd := exec.CommandContext(t.Context(), root+"/bin/helm", args...) //nolint:gosec // our own
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("helm %s: %v\n%s", args[0], err, said)
	}
}

// leads runs the controller as the release's ServiceAccount until it is ready and
// leads, and checks that it gives the lease back and was refused nothing.
func leads(t *testing.T, api kubernetes.Interface) {
	t.Helper()
	listen, log := freeAddress(t), &bytes.Buffer{}
	cmd := exec.CommandContext(t.Context(), filepath.Join(programs, "controller"), "--config", configuration(t, api), "--listen", listen) //nolint:gosec // ours
	cmd.Stderr = log
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig(t, api))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		return ready(ctx, listen) && holder(ctx, api) != "", nil
	})
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if ended := cmd.Wait(); err != nil || ended != nil {
		t.Fatalf("ready and leading: %v; in the end: %v\n%s", err, ended, log)
	}
	if strings.Contains(log.String(), "forbidden") || holder(t.Context(), api) != "" {
		t.Errorf("it was refused something, or still leads:\n%s", log)
	}
}

func ready(ctx context.Context, address string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func holder(ctx context.Context, api kubernetes.Interface) string {
	var lease *coordinationv1.Lease
	lease, err := api.CoordinationV1().Leases(release).Get(ctx, "auditflow-controller", metav1.GetOptions{})
	if err != nil || lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// freeAddress is one that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// configuration is the one in the cluster, with a keyset, and the namespace that
// the program knows by itself in a pod.
func configuration(t *testing.T, api kubernetes.Interface) string {
	t.Helper()
	var config *corev1.ConfigMap
	config, err := api.CoreV1().ConfigMaps(release).Get(t.Context(), controller, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "keyset", "keyset.json"), secret(t, "keyset.json"))
	file := filepath.Join(dir, "controller.yaml")
	write(t, file, strings.ReplaceAll(config.Data["controller.yaml"], mounted, dir)+"\nleader_election: {namespace: "+release+"}\n")
	return file
}

// kubeconfig has a token as a pod has it.
func kubeconfig(t *testing.T, api kubernetes.Interface) string {
	t.Helper()
	token, err := api.CoreV1().ServiceAccounts(release).CreateToken(t.Context(), controller, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config := cluster.Kube.Config
	file := filepath.Join(t.TempDir(), "kubeconfig")
	write(t, file, fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: pod
clusters: [{name: world, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: controller, user: {token: %s}}]
contexts: [{name: pod, context: {cluster: world, user: controller}}]
`, config.Host, base64.StdEncoding.EncodeToString(config.CAData), token.Status.Token))
	return file
}
