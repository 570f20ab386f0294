//go:build chart

package chart

import (
	"context"
	"fmt"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/test/world"
)

// as is a client of somebody with these rights and no others.
func (s *stage) as(t *testing.T, user string, rules ...rbacv1.PolicyRule) client.Client {
	t.Helper()
	meta := metav1.ObjectMeta{Name: s.name + "-" + user}
	if _, err := s.api.RbacV1().ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}},
	}
	if _, err := s.api.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	config := rest.CopyConfig(cluster.Kube.Config)
	config.Impersonate.UserName = user
	executor, err := world.NewExecutor(config)
	if err != nil {
		t.Fatal(err)
	}
	return executor.Client
}

// That the controller may is what the journey shows, with the policy of its release.
func marksAreProtected(t *testing.T, s *stage) {
	t.Helper()
	edits := rbacv1.PolicyRule{APIGroups: []string{own, "batch"}, Resources: []string{kex, kex + "/status", "jobs", "jobs/status"}, Verbs: []string{"*"}}
	editor, keeper := s.as(t, "editor", edits), s.as(t, "keeper", edits, rbacv1.PolicyRule{APIGroups: []string{"auditflow.io"}, Resources: []string{"marks"}, Verbs: []string{"update"}})
	j := &journey{stage: s, name: "marks"}
	held := []string{v1.DeliveryFinalizer, "example.com/other"}
	objects := map[string]client.Object{
		"execution": j.execution("execution", func(o *v1.KubernetesExecution) { o.Finalizers = held }),
		"job":       j.plainJob("job", nil),
	}
	objects["job"].SetFinalizers(held)
	t.Cleanup(func() { j.clean(t) })
	patch := func(c client.Client, o client.Object, text string) error {
		return c.Patch(context.WithoutCancel(t.Context()), o.DeepCopyObject().(client.Object), client.RawPatch("application/merge-patch+json", []byte(text)))
	}
	mark := fmt.Sprintf(`{"metadata":{"annotations":{%q:"row"}}}`, v1.PersistedAnnotation)
	free, less := `{"metadata":{"finalizers":["example.com/other"]}}`, fmt.Sprintf(`{"metadata":{"finalizers":[%q]}}`, v1.DeliveryFinalizer)
	for kind, o := range objects {
		forged := o.DeepCopyObject().(client.Object)
		forged.SetName(o.GetName() + "-forged")
		forged.SetAnnotations(map[string]string{v1.PersistedAnnotation: "row"})
		s.until(t, "the API server to know the editor's rights", func(ctx context.Context) bool {
			err := editor.Create(ctx, o)
			return err == nil || apierrors.IsAlreadyExists(err)
		})
		s.until(t, "the policy to be in force", func(ctx context.Context) bool {
			err := editor.Create(ctx, forged.DeepCopyObject().(client.Object), client.DryRunAll)
			return apierrors.IsForbidden(err)
		})
		for what, text := range map[string]string{"set the mark": mark, "take the finalizer off": free} {
			if err := patch(editor, o, text); !apierrors.IsForbidden(err) {
				t.Errorf("an editor may %s of an %s: %v", what, kind, err)
			}
		}
		if err := patch(editor, o, `{"metadata":{"annotations":{"example.com/note":"fine"}}}`); err != nil {
			t.Errorf("an editor may not write another annotation of an %s: %v", kind, err)
		}
		if err := patch(editor, o, less); err != nil {
			t.Errorf("an editor may not take another finalizer off an %s: %v", kind, err)
		}
		s.until(t, "who may update marks to do so", func(context.Context) bool { return patch(keeper, o, mark) == nil })
		if err := patch(editor, o, fmt.Sprintf(`{"metadata":{"annotations":{%q:null}}}`, v1.PersistedAnnotation)); !apierrors.IsForbidden(err) {
			t.Errorf("an editor may take the mark off an %s: %v", kind, err)
		}
		if err := patch(keeper, o, `{"metadata":{"finalizers":[]}}`); err != nil {
			t.Errorf("who may update marks does not free an %s: %v", kind, err)
		}
	}
}
