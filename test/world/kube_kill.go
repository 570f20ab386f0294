package world

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
)

// KillAPIServer ends the API server with SIGKILL. StartAPIServer brings it back.
func (k *Kube) KillAPIServer() error { return k.killPart(apiserverName) }

// StartAPIServer starts a killed API server again, as it was started first, and
// returns when it is ready.
func (k *Kube) StartAPIServer(ctx context.Context) error {
	administrator, err := rest.HTTPClientFor(k.Config)
	if err != nil {
		return err
	}
	return k.restartPart(ctx, apiserverName, strings.TrimSuffix(k.Config.Host, "/")+"/readyz", administrator)
}

// KillEtcd ends etcd with SIGKILL; the API server lives on without it. StartEtcd
// brings it back.
func (k *Kube) KillEtcd() error { return k.killPart(etcdName) }

// StartEtcd starts a killed etcd again, as it was started first, and returns when
// it is healthy.
func (k *Kube) StartEtcd(ctx context.Context) error {
	return k.restartPart(ctx, etcdName, k.env.ControlPlane.Etcd.URL.String()+"/health", http.DefaultClient)
}

// part is a server that envtest has started, and later we: its process, and how
// it was started.
type part struct {
	pid     int
	command []string
	proc    *process // ours; nil: envtest's
}

// look remembers what runs. envtest tells neither process nor arguments; the
// system does.
func (k *Kube) look(name string) (*part, error) {
	if known := k.parts[name]; known != nil {
		return known, nil
	}
	text, err := os.ReadFile(k.workspace.pidFile(name))
	if err != nil {
		return nil, err
	}
	number, _, _ := strings.Cut(string(text), " ")
	pid, err := strconv.Atoi(number)
	if err != nil {
		return nil, fmt.Errorf("the process of %s is not known: %w", name, err)
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return nil, err
	}
	p := &part{pid: pid}
	for argument := range bytes.SplitSeq(bytes.TrimSuffix(line, []byte{0}), []byte{0}) {
		p.command = append(p.command, string(argument))
	}
	if k.parts == nil {
		k.parts = map[string]*part{}
	}
	k.parts[name] = p
	return p, nil
}

func (k *Kube) killPart(name string) error {
	k.killing.Lock()
	defer k.killing.Unlock()
	p, err := k.look(name)
	if err != nil {
		return fmt.Errorf("kill %s: %w", name, err)
	}
	if p.proc != nil {
		p.proc.kill()
		return nil
	}
	if err := syscall.Kill(p.pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill %s: %w", name, err)
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if errors.Is(syscall.Kill(p.pid, 0), syscall.ESRCH) {
			return nil
		}
	}
	return fmt.Errorf("kill %s: it is still there", name)
}

func (k *Kube) restartPart(ctx context.Context, name, health string, probe *http.Client) error {
	k.killing.Lock()
	defer k.killing.Unlock()
	p := k.parts[name]
	if p == nil {
		return nil // nobody killed it
	}
	if p.proc == nil || !p.proc.running() {
		proc, err := k.workspace.start(command{name: name, path: p.command[0], args: p.command[1:]})
		if err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
		p.proc = proc
	}
	return p.proc.awaitReady(ctx, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, health, nil)
		if err != nil {
			return err
		}
		res, err := probe.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s is not ready: %s", name, res.Status)
		}
		return nil
	})
}

// stopParts ends what we have started anew, the API server first.
func (k *Kube) stopParts() error {
	var errs []error
	for _, name := range []string{apiserverName, etcdName} {
		if p := k.parts[name]; p != nil && p.proc != nil {
			errs = append(errs, p.proc.stop(context.Background(), syscall.SIGTERM, 20*time.Second))
		}
	}
	return errors.Join(errs...)
}
