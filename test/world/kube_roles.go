package world

import (
	"context"
	"fmt"
	"os"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"
)

// KubeconfigFor makes a user who may do what the ClusterRole in a yaml file
// allows and nothing else, and returns the path of a kubeconfig for it. It may be
// called from several goroutines.
func (k *Kube) KubeconfigFor(ctx context.Context, name, roleFile string) (string, error) {
	user, err := k.addUser(name)
	if err != nil {
		return "", fmt.Errorf("kubernetes: add user %s: %w", name, err)
	}
	if err := k.grant(ctx, name, roleFile); err != nil {
		return "", fmt.Errorf("kubernetes: grant %s to %s: %w", roleFile, name, err)
	}
	kubeconfig, err := user.KubeConfig()
	if err != nil {
		return "", fmt.Errorf("kubernetes: kubeconfig of %s: %w", name, err)
	}
	path := k.workspace.path("kube", "kubeconfig-"+name)
	return path, os.WriteFile(path, kubeconfig, 0o600)
}

// addUser issues a certificate. envtest counts them without a lock.
func (k *Kube) addUser(name string) (*envtest.AuthenticatedUser, error) {
	k.users.Lock()
	defer k.users.Unlock()
	return k.env.AddUser(envtest.User{Name: name}, nil)
}

func (k *Kube) grant(ctx context.Context, user, roleFile string) error {
	text, err := os.ReadFile(roleFile)
	if err != nil {
		return err
	}
	var role rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict(text, &role); err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(k.Config)
	if err != nil {
		return err
	}
	// A kept world has them from an earlier run.
	if _, err := client.RbacV1().ClusterRoles().Create(ctx, &role, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}
	if _, err := client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}
