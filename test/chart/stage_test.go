//go:build chart

package chart

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/auditflow/auditflow/test/pods"
	"github.com/auditflow/auditflow/test/world"
)

// stage is a release of the chart in a namespace of its own, whose programs run as
// processes with the rights that the chart gives them, beside real servers.
type stage struct {
	name     string // of release and namespace
	api      kubernetes.Interface
	executor *world.Executor
	node     *pods.Node
	refusals *refusals
}

// values make deliveries quick and reviews short.
const values = `
cluster: %s
temporal: {address: %q, namespace: %q}
database: {reader: {secretName: auditflow-database-writer}}
controller:
  config: {jobs: {enabled: true}, audit_flush_interval: 0s, review_window: {executions: 1s, jobs: 1s}}
`

// raise installs a release and what it wants to find.
func raise(t *testing.T, name string) *stage {
	t.Helper()
	s := enter(t, name)
	database := s.migrated(t)
	s.secret(t, "auditflow-keyset", "keyset.json", secret(t, "keyset.json"))
	s.secret(t, "auditflow-database-writer", "url", database)
	s.secret(t, "auditflow-database-maintainer", "url", database)
	file := filepath.Join(t.TempDir(), "values.yaml")
	write(t, file, fmt.Sprintf(values, name, cluster.Temporal.Address, cluster.Temporal.Namespace))
	act(t, name, "install", name, root+"/deploy/chart", "--no-hooks", "--values", file)
	return s
}

// leave removes the release and the CRD, which other tests' releases bring themselves.
func (s *stage) leave(t *testing.T) {
	t.Helper()
	act(t, s.name, "uninstall", s.name, "--no-hooks")
	crd := &unstructured.Unstructured{}
	crd.SetAPIVersion("apiextensions.k8s.io/v1")
	crd.SetKind("CustomResourceDefinition")
	crd.SetName("kubernetesexecutions.execution.kubernaut.io")
	s.until(t, "the CRD to be gone", func(ctx context.Context) bool { return apierrors.IsNotFound(s.executor.Client.Delete(ctx, crd)) })
}

// enter makes the namespace, in which there is nothing yet.
func enter(t *testing.T, name string) *stage {
	t.Helper()
	api, err := kubernetes.NewForConfig(cluster.Kube.Config)
	if err != nil {
		t.Fatal(err)
	}
	executor, err := world.NewExecutor(cluster.Kube.Config)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{name: name, api: api, executor: executor, refusals: watchRefusals(t, cluster.Kube.Config)}
	s.node = &pods.Node{API: api, Programs: programs, Dir: t.TempDir(), Server: s.refusals.config()}
	if _, err := api.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// migrated is the URL of a database of the release's own.
func (s *stage) migrated(t *testing.T) string {
	t.Helper()
	database, err := cluster.Postgres.NewDatabase(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	migrate := exec.CommandContext(t.Context(), filepath.Join(programs, "auditctl"), "migrate") //nolint:gosec // ours
	migrate.Env = append(os.Environ(), "AUDITFLOW_DATABASE_URL="+database)
	if said, err := migrate.CombinedOutput(); err != nil {
		t.Fatalf("migrate: %v\n%s", err, said)
	}
	return database
}

func (s *stage) secret(t *testing.T, name, key, value string) {
	t.Helper()
	object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{key: value}}
	if _, err := s.api.CoreV1().Secrets(s.name).Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (s *stage) of(component string) string { return s.name + "-auditflow-" + component }

// runs starts a program of the release until the test ends.
func (s *stage) runs(t *testing.T, component string) *pods.Process {
	t.Helper()
	p, err := s.node.Start(t.Context(), s.name, s.of(component))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("%s: %v", component, err)
		}
	})
	if err := p.AwaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// rights are all that the chart gives a program, and where.
func (s *stage) rights(t *testing.T, component string) (all []right) {
	t.Helper()
	role, err := s.api.RbacV1().ClusterRoles().Get(t.Context(), s.of(component), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	rules := role.Rules
	if own, err := s.api.RbacV1().Roles(s.name).Get(t.Context(), s.of(component), metav1.GetOptions{}); err == nil {
		rules = append(rules, own.Rules...)
	}
	for _, one := range single(rules) {
		all = append(all, rightOf(one))
	}
	return all
}

// single are rules of one verb, resource and group each.
func single(rules []rbacv1.PolicyRule) (all []rbacv1.PolicyRule) {
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					all = append(all, rbacv1.PolicyRule{Verbs: []string{verb}, APIGroups: []string{group}, Resources: []string{resource}, ResourceNames: rule.ResourceNames})
				}
			}
		}
	}
	return all
}

func rightOf(rule rbacv1.PolicyRule) right {
	r := right{verb: rule.Verbs[0], group: rule.APIGroups[0], resource: rule.Resources[0]}
	if len(rule.ResourceNames) > 0 {
		r.name = rule.ResourceNames[0]
	}
	return r
}

// without takes one right from a program until the test ends, and returns when the API
// server knows.
func (s *stage) without(t *testing.T, component string, lost right) {
	t.Helper()
	less := func(rules []rbacv1.PolicyRule) []rbacv1.PolicyRule {
		return slices.DeleteFunc(single(rules), func(one rbacv1.PolicyRule) bool { return rightOf(one) == lost })
	}
	s.rules(t, component, less)
	ask := &authorizationv1.ResourceAttributes{Verb: lost.verb, Group: lost.group, Resource: lost.resource, Name: lost.name, Namespace: s.name}
	s.until(t, fmt.Sprintf("%s may not %s", component, lost), func(ctx context.Context) bool { return !s.may(ctx, component, ask) })
}

// rules changes those of a program, in its ClusterRole and its Role, until the test ends.
func (s *stage) rules(t *testing.T, component string, change func([]rbacv1.PolicyRule) []rbacv1.PolicyRule) {
	t.Helper()
	everywhere, here := s.api.RbacV1().ClusterRoles(), s.api.RbacV1().Roles(s.name)
	role, err := everywhere.Get(t.Context(), s.of(component), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := role.DeepCopy()
	role.Rules = change(role.Rules)
	if _, err := everywhere.Update(t.Context(), role, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	own, err := here.Get(t.Context(), s.of(component), metav1.GetOptions{})
	if err != nil {
		own = nil
	}
	ownBefore := own.DeepCopy()
	if own != nil {
		own.Rules = change(own.Rules)
		if _, err := here.Update(t.Context(), own, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		before.ResourceVersion = ""
		if _, err := everywhere.Update(ctx, before, metav1.UpdateOptions{}); err != nil {
			t.Error(err)
		}
		if ownBefore != nil {
			ownBefore.ResourceVersion = ""
			if _, err := here.Update(ctx, ownBefore, metav1.UpdateOptions{}); err != nil {
				t.Error(err)
			}
		}
	})
}

func (s *stage) may(ctx context.Context, component string, ask *authorizationv1.ResourceAttributes) bool {
	review, err := s.api.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{User: "system:serviceaccount:" + s.name + ":" + s.of(component), ResourceAttributes: ask},
	}, metav1.CreateOptions{})
	return err != nil || review.Status.Allowed
}

// until waits for something to be so, and fails with what it is called.
func (s *stage) until(t *testing.T, what string, so func(context.Context) bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, 90*time.Second, true, func(ctx context.Context) (bool, error) { return so(ctx), nil })
	if err != nil {
		t.Fatalf("waited in vain: %s", what)
	}
}
