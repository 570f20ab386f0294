//go:build install

package install

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/auditflow/auditflow/test/pods"
	"github.com/auditflow/auditflow/test/world"
)

const (
	root      = "../.."
	namespace = "auditflow"
)

// place is where somebody installs: servers, a clone, and the tools that he has.
type place struct {
	*world.World
	api      kubernetes.Interface
	node     *pods.Node
	reader   *reader
	database string // its URL, as the superuser
}

// arrive starts the servers and clones the commit that is checked out.
func arrive(t *testing.T) *place {
	t.Helper()
	log.SetLogger(logr.Discard()) // envtest's; it complains when nobody chose one
	w, err := world.Start(t.Context(), world.Options{Kubernetes: true, KubeWorkloads: true, Temporal: true, PostgreSQL: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	})
	api, err := kubernetes.NewForConfig(w.Kube.Config)
	if err != nil {
		t.Fatal(err)
	}
	clone := cloned(t, "HEAD")
	home, logs := t.TempDir(), t.TempDir()
	bin, err := filepath.Abs(root + "/bin")
	if err != nil {
		t.Fatal(err)
	}
	p := &place{World: w, api: api, node: &pods.Node{API: api, Programs: filepath.Join(clone, "bin"), Dir: logs, Server: w.Kube.Config}}
	p.reader = &reader{dir: clone, say: t.Logf, replace: p.addresses(t), env: []string{
		"PATH=" + tools(t, bin) + ":" + filepath.Join(bin, "postgres") + ":" + os.Getenv("PATH"),
		"KUBECONFIG=" + w.Kube.Kubeconfig, "TEMPORAL_ADDRESS=" + w.Temporal.Address, "TEMPORAL_NAMESPACE=" + w.Temporal.Namespace,
		"HELM_CACHE_HOME=" + home, "HELM_CONFIG_HOME=" + home, "HELM_DATA_HOME=" + home,
	}}
	kubelet := pods.StartKubelet(t.Context(), p.node, namespace)
	t.Cleanup(kubelet.Stop)
	t.Cleanup(func() {
		if t.Failed() {
			p.tellAll(t, logs)
		}
	})
	return p
}

// addresses are those of the guide, and what they are here.
func (p *place) addresses(t *testing.T) map[string]string {
	t.Helper()
	var err error
	if p.database, err = p.Postgres.NewDatabase(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	_, at, ok := strings.Cut(p.database, "@")
	if !ok {
		t.Fatalf("the database's URL has nobody in it: %s", p.database)
	}
	return map[string]string{
		"db.example.com/audit?sslmode=verify-full":          at,
		"temporal-frontend.temporal.svc.cluster.local:7233": p.Temporal.Address + " --set temporal.namespace=" + p.Temporal.Namespace,
	}
}

// tools is a directory with what the reader has installed, and nothing else of ours.
func tools(t *testing.T, bin string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"kubectl", "helm"} {
		if err := os.Symlink(filepath.Join(bin, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// cloned is a commit in a directory of its own, in which nothing is built.
func cloned(t *testing.T, ref string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "auditflow")
	if said, err := exec.CommandContext(t.Context(), "git", "clone", "--quiet", root, dir).CombinedOutput(); err != nil {
		t.Fatalf("clone: %v\n%s", err, said)
	}
	if said, err := exec.CommandContext(t.Context(), "git", "-C", dir, "checkout", "--quiet", commitOf(t, ref)).CombinedOutput(); err != nil {
		t.Fatalf("check out %s: %v\n%s", ref, err, said)
	}
	return dir
}

func commitOf(t *testing.T, ref string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "-C", root, "rev-parse", ref+"^{commit}").Output()
	if err != nil {
		t.Fatalf("%s: %v", ref, err)
	}
	return strings.TrimSpace(string(out))
}

func (p *place) tellAll(t *testing.T, logs string) {
	ctx := context.WithoutCancel(t.Context())
	for _, args := range [][]string{{"get", "pods,deployments,jobs", "-A", "-o", "wide"}, {"get", "events", "-A"}} {
		cmd := exec.CommandContext(ctx, root+"/bin/kubectl", append(args, "--kubeconfig", p.Kube.Kubeconfig)...)
		said, err := cmd.CombinedOutput()
		t.Logf("%v: %v\n%s", args, err, said)
	}
	files, _ := filepath.Glob(filepath.Join(logs, "*.log")) // the pattern is good
	for _, file := range files[:min(len(files), 8)] {       // they say the same over and over
		text, err := os.ReadFile(file)
		t.Logf("%s (%v):\n%s", filepath.Base(file), err, text[max(0, len(text)-3000):])
	}
}
