package pods

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// mount writes the files of a volume to where the container mounts it.
func (p *pod) mount(ctx context.Context, volume corev1.Volume) error {
	for _, m := range p.container.VolumeMounts {
		if m.Name != volume.Name {
			continue
		}
		files, err := p.files(ctx, volume.VolumeSource)
		if err != nil {
			return err
		}
		at := filepath.Join(p.dir, m.MountPath)
		if err := os.MkdirAll(at, 0o750); err != nil {
			return err
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(at, name), text, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pod) files(ctx context.Context, of corev1.VolumeSource) (map[string][]byte, error) {
	switch {
	case of.EmptyDir != nil:
		return nil, nil
	case of.Secret != nil:
		return p.secret(ctx, of.Secret.SecretName, of.Secret.Items)
	case of.ConfigMap != nil:
		return p.config(ctx, of.ConfigMap.Name, of.ConfigMap.Items)
	case of.Projected != nil:
		all := map[string][]byte{}
		for _, source := range of.Projected.Sources {
			var files map[string][]byte
			var err error
			switch {
			case source.Secret != nil:
				files, err = p.secret(ctx, source.Secret.Name, source.Secret.Items)
			case source.ConfigMap != nil:
				files, err = p.config(ctx, source.ConfigMap.Name, source.ConfigMap.Items)
			default:
				err = errors.New("a source that is no ConfigMap and no Secret")
			}
			if err != nil {
				return nil, err
			}
			for name, text := range files {
				all[name] = text
			}
		}
		return all, nil
	}
	return nil, errors.New("a kind of volume that this node does not know")
}

func (p *pod) secret(ctx context.Context, name string, items []corev1.KeyToPath) (map[string][]byte, error) {
	secret, err := p.API.CoreV1().Secrets(p.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return named(secret.Data, items)
}

// config is a ConfigMap, in which paths are those of this machine.
func (p *pod) config(ctx context.Context, name string, items []corev1.KeyToPath) (map[string][]byte, error) {
	config, err := p.API.CoreV1().ConfigMaps(p.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	data := map[string][]byte{}
	for key, text := range config.Data {
		text = p.here(text)
		if p.leads() && !strings.Contains(text, "leader_election:") {
			text += "\nleader_election: {namespace: " + p.namespace + "}\n"
		}
		data[key] = []byte(text)
	}
	return named(data, items)
}

// leads is whether the program is the one that wants to know its namespace, which in
// a pod stands beside the token.
func (p *pod) leads() bool { return path.Base(p.container.Command[0]) == "controller" }

// named are those that are asked for, by the names that they are to have.
func named(data map[string][]byte, items []corev1.KeyToPath) (map[string][]byte, error) {
	if len(items) == 0 {
		return data, nil
	}
	files := map[string][]byte{}
	for _, item := range items {
		text, ok := data[item.Key]
		if !ok {
			return nil, fmt.Errorf("there is no key %s", item.Key)
		}
		files[item.Path] = text
	}
	return files, nil
}

// identify has the pod's programs be its ServiceAccount, by a kubeconfig, for the path
// of a pod's token is the same for all processes of a machine.
func (p *pod) identify(ctx context.Context, account string) error {
	token, err := p.API.CoreV1().ServiceAccounts(p.namespace).CreateToken(ctx, account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("token of %s: %w", account, err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["world"] = &clientcmdapi.Cluster{Server: p.Server.Host, CertificateAuthorityData: p.Server.CAData}
	config.AuthInfos["pod"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	config.Contexts["pod"] = &clientcmdapi.Context{Cluster: "world", AuthInfo: "pod", Namespace: p.namespace}
	config.CurrentContext = "pod"
	file := filepath.Join(p.dir, "kubeconfig")
	p.env = append(p.env, "KUBECONFIG="+file)
	return clientcmd.WriteToFile(*config, file)
}
