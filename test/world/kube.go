package world

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// Kube is a Kubernetes control plane with the controllers that Jobs need and a
// [Kubelet] that runs pods.
type Kube struct {
	Config     *rest.Config // cluster administrator, no client-side rate limit
	Kubeconfig string       // path of a file with the same access
	Version    string       // "v1.37.2"
	Kubelet    *Kubelet

	workspace *workspace
	fsync     bool
	workloads bool
	assets    string
	env       *envtest.Environment
	logs      []*os.File
	manager   *process
	users     sync.Mutex // held while one is added
	killing   sync.Mutex // held while a part is killed or started again
	parts     map[string]*part
}

const (
	etcdName      = "etcd"
	apiserverName = "kube-apiserver"
	managerName   = "kube-controller-manager"
)

func newKube(ws *workspace, o Options) *Kube {
	return &Kube{workspace: ws, fsync: o.KubeFsync, workloads: o.KubeWorkloads}
}

func (k *Kube) start(ctx context.Context) (err error) {
	if k.assets, err = kubeAssets(); err != nil {
		return err
	}
	if err := k.startControlPlane(); err != nil {
		return err
	}
	if err := k.startControllerManager(ctx); err != nil {
		return err
	}
	k.Kubelet, err = StartKubelet(context.WithoutCancel(ctx), k.Config)
	return err
}

func kubeAssets() (string, error) {
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		return complete(dir, etcdName, apiserverName, managerName)
	}
	return built("kube", etcdName, apiserverName, managerName)
}

// startControlPlane runs etcd and the apiserver through envtest.
func (k *Kube) startControlPlane() error {
	env, err := k.environment()
	if err != nil {
		return err
	}
	k.env = env
	config, err := env.Start()
	if err != nil {
		return withLog(withLog(err, k.workspace.logFile(etcdName)), k.workspace.logFile(apiserverName))
	}
	// It makes certificates for webhooks, outside our directory, which we do not use.
	if err := env.WebhookInstallOptions.Cleanup(); err != nil {
		return err
	}
	k.Config = rest.CopyConfig(config)
	k.Config.QPS = -1 // unlimited: the server is ours alone
	k.Kubeconfig = k.workspace.path("kube", "kubeconfig")
	return os.WriteFile(k.Kubeconfig, env.KubeConfig, 0o600)
}

func (k *Kube) environment() (*envtest.Environment, error) {
	existing := false
	env := &envtest.Environment{
		UseExistingCluster:       &existing, // whatever the environment says
		ControlPlaneStartTimeout: time.Minute,
		ControlPlaneStopTimeout:  20 * time.Second,
	}
	certs := k.workspace.path("kube", "certs")
	// envtest cannot continue with certificates of an earlier run.
	if err := os.RemoveAll(certs); err != nil {
		return nil, err
	}
	for _, dir := range []string{certs, k.workspace.path("kube", "etcd")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}

	api := env.ControlPlane.GetAPIServer()
	api.CertDir = certs
	env.ControlPlane.Etcd = &envtest.Etcd{DataDir: k.workspace.path("kube", "etcd")}
	etcd := env.ControlPlane.Etcd
	if k.fsync {
		etcd.Configure().Disable("unsafe-no-fsync")
	}
	var errs [4]error
	etcd.Path, errs[0] = k.recordingScript(etcdName)
	api.Path, errs[1] = k.recordingScript(apiserverName)
	etcdLog, err := k.openLog(etcdName)
	etcd.Out, etcd.Err, errs[2] = etcdLog, etcdLog, err
	apiLog, err := k.openLog(apiserverName)
	api.Out, api.Err, errs[3] = apiLog, apiLog, err
	return env, errors.Join(errs[:]...)
}

func (k *Kube) openLog(name string) (*os.File, error) {
	f, err := os.OpenFile(k.workspace.logFile(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	k.logs = append(k.logs, f)
	return f, err
}

// recordingScript stands before a binary that envtest starts, to do what
// recordAndExec does for our own children: envtest does not tell process ids.
func (k *Kube) recordingScript(name string) (string, error) {
	dir := k.workspace.path("kube", "bin")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	script := fmt.Sprintf("#!/bin/sh\necho \"$$ KILL\" >%s\nexec %s \"$@\"\n",
		shellQuote(k.workspace.pidFile(name)), shellQuote(filepath.Join(k.assets, name)))
	path := filepath.Join(dir, name)
	// A child forked elsewhere while the file is open for writing would make
	// its execution fail with "text file busy".
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return path, os.WriteFile(path, []byte(script), 0o755)
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// stop ends the parts in the reverse order of their start; the apiserver goes
// before etcd, which it cannot end without.
func (k *Kube) stop() error {
	var errs []error
	if k.Kubelet != nil {
		k.Kubelet.Stop()
	}
	if k.manager != nil {
		errs = append(errs, k.manager.stop(context.Background(), syscall.SIGTERM, 10*time.Second))
	}
	errs = append(errs, k.stopParts())
	if k.env != nil {
		errs = append(errs, k.env.Stop())
		for _, name := range []string{etcdName, apiserverName} {
			_ = os.Remove(k.workspace.pidFile(name))
		}
	}
	for _, log := range k.logs {
		_ = log.Close()
	}
	return errors.Join(errs...)
}

func (k *Kube) String() string {
	host := k.Config.Host
	if u, err := url.Parse(host); err == nil {
		host = u.Host
	}
	return fmt.Sprintf("Kubernetes %s on %s", k.Version, host)
}
