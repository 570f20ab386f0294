package pods

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Node is where pods run. Safe for concurrent use.
type Node struct {
	// API is asked for Deployments, what their pods mount, and tokens.
	API kubernetes.Interface
	// Programs is a directory with the programs of all images but those in Images.
	Programs string
	// Images are such directories, by the image's name.
	Images map[string]string
	// Dir is where pods get directories of their own.
	Dir string
	// Server is where the pods find the API server. Only its address and its
	// authority count.
	Server *rest.Config
}

// Start runs one pod of a Deployment, as the process of its only container.
func (n *Node) Start(ctx context.Context, namespace, deployment string) (*Process, error) {
	p, err := n.podOf(ctx, namespace, deployment)
	if err != nil {
		return nil, fmt.Errorf("pod of %s: %w", deployment, err)
	}
	return p.start(ctx)
}

// Command runs a command in the container of a Deployment, as "kubectl run" with its
// ServiceAccount would: the program is the same, the arguments are these.
func (n *Node) Command(ctx context.Context, namespace, deployment string, args ...string) (*Process, error) {
	p, err := n.podOf(ctx, namespace, deployment)
	if err != nil {
		return nil, fmt.Errorf("pod of %s: %w", deployment, err)
	}
	return p.run(args)
}

// pod is one with a directory in which everything is that it mounts.
type pod struct {
	*Node
	namespace string
	container corev1.Container
	dir       string
	env       []string
}

func (n *Node) podOf(ctx context.Context, namespace, deployment string) (*pod, error) {
	var of *appsv1.Deployment
	of, err := n.API.AppsV1().Deployments(namespace).Get(ctx, deployment, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return n.pod(ctx, namespace, deployment, of.Spec.Template.Spec)
}

func (n *Node) pod(ctx context.Context, namespace, name string, spec corev1.PodSpec) (*pod, error) {
	if len(spec.Containers) != 1 {
		return nil, fmt.Errorf("it has %d containers, not one", len(spec.Containers))
	}
	dir, err := os.MkdirTemp(n.Dir, name+"-")
	if err != nil {
		return nil, err
	}
	p := &pod{Node: n, namespace: namespace, container: spec.Containers[0], dir: dir}
	for _, volume := range spec.Volumes {
		if err := p.mount(ctx, volume); err != nil {
			return nil, fmt.Errorf("volume %s: %w", volume.Name, err)
		}
	}
	if err := p.environment(ctx); err != nil {
		return nil, err
	}
	if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
		err = p.identify(ctx, spec.ServiceAccountName)
	}
	return p, err
}

// here is a text in which paths of the container are those of the machine.
func (p *pod) here(text string) string {
	var pairs []string // replaced in one go: a directory of ours may lie below what is another's mount, as /tmp
	for _, m := range p.container.VolumeMounts {
		pairs = append(pairs, m.MountPath+"/", filepath.Join(p.dir, m.MountPath)+"/")
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// environment is what the container asks for, on top of that of the machine.
func (p *pod) environment(ctx context.Context) error {
	for _, v := range p.container.Env {
		value := v.Value
		if from := v.ValueFrom; from != nil {
			if from.SecretKeyRef == nil {
				return fmt.Errorf("variable %s comes from something else than a Secret", v.Name)
			}
			secret, err := p.API.CoreV1().Secrets(p.namespace).Get(ctx, from.SecretKeyRef.Name, metav1.GetOptions{})
			if err != nil {
				return fmt.Errorf("variable %s: %w", v.Name, err)
			}
			text, ok := secret.Data[from.SecretKeyRef.Key]
			if !ok {
				return fmt.Errorf("variable %s: Secret %s has no key %s", v.Name, secret.Name, from.SecretKeyRef.Key)
			}
			value = string(text)
		}
		p.env = append(p.env, v.Name+"="+value)
	}
	return nil
}

// run starts the program of the container.
func (p *pod) run(args []string) (*Process, error) {
	programs, ok := p.Images[p.container.Image]
	if !ok {
		programs = p.Programs
	}
	program := filepath.Join(programs, path.Base(p.container.Command[0]))
	cmd := exec.Command(program, args...) // not for ctx: it outlives whoever starts it, until it is stopped
	cmd.Env = append(os.Environ(), p.env...)
	return launch(cmd)
}
