//go:build chart

package chart

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// warnings are what the API server says beside its answers.
type warnings struct {
	mu  sync.Mutex
	all []string
}

// HandleWarningHeader implements [rest.WarningHandler].
func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, text)
}

// admin is a client of the world's API server in which there is the namespace of
// deploy/manifests, with its level of Pod Security.
func admin(t *testing.T) (client.Client, *warnings) {
	t.Helper()
	said := &warnings{}
	config := rest.CopyConfig(cluster.Kube.Config)
	config.WarningHandler = said
	api, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile(root + "/deploy/manifests/namespace.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range parse(t, string(manifest)) {
		if object.GetLabels()["pod-security.kubernetes.io/enforce"] != "restricted" || object.GetName() != namespace {
			t.Fatalf("namespace %s has labels %v", object.GetName(), object.GetLabels())
		}
		apply(t, api, object)
	}
	return api, said
}

func apply(t *testing.T, api client.Client, object *unstructured.Unstructured, more ...client.ApplyOption) {
	t.Helper()
	object = object.DeepCopy() // it gets the answer
	options := append([]client.ApplyOption{client.FieldOwner("chart"), client.ForceOwnership}, more...)
	if err := api.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), options...); err != nil {
		t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
	}
}

// foreign are kinds of operators that the world has not.
var foreign = []string{"ServiceMonitor", "PrometheusRule", "ScaledObject", "TriggerAuthentication"}

func TestTheAPIServerTakesEveryObject(t *testing.T) {
	t.Parallel()
	api, said := admin(t)
	for name, values := range sets(t) {
		for _, object := range render(t, values) {
			if !slices.Contains(foreign, object.GetKind()) {
				apply(t, api, object, client.DryRunAll)
			}
		}
		if len(said.all) > 0 { // as Pod Security does of Deployments
			t.Errorf("%s: warnings: %s", name, strings.Join(said.all, "; "))
		}
	}
	manifests, err := os.ReadFile(root + "/deploy/manifests/auditflow.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range parse(t, string(manifests)) {
		apply(t, api, object, client.DryRunAll)
	}
}

func TestPodsAreAdmittedAtTheRestrictedLevel(t *testing.T) {
	t.Parallel()
	api, _ := admin(t)
	for name, values := range sets(t) {
		for of, template := range render(t, values).pods(t) {
			template.Spec.PriorityClassName = "" // of this cluster, which is none of the chart's
			pod := corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
			pod.Namespace, pod.GenerateName = namespace, of+"-"
			if err := api.Create(t.Context(), pod.DeepCopy()); err != nil {
				t.Errorf("%s: %s: %v", name, of, err)
			}
			for fault, spoil := range spoilt {
				worse := pod.DeepCopy()
				spoil(worse)
				if err := api.Create(t.Context(), worse); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "violates PodSecurity") {
					t.Errorf("%s: %s with %s is admitted: %v", name, of, fault, err)
				}
			}
		}
	}
}

// spoilt shows that the level is in force.
var spoilt = map[string]func(*corev1.Pod){
	"a user that may be root": func(p *corev1.Pod) { p.Spec.SecurityContext.RunAsNonRoot = nil },
	"no seccomp profile":      func(p *corev1.Pod) { p.Spec.SecurityContext.SeccompProfile = nil },
	"capabilities":            func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext.Capabilities = nil },
	"a way to more privilege": func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil },
}

func TestFileSystemsAreReadOnly(t *testing.T) {
	t.Parallel()
	for name, values := range sets(t) {
		for of, pod := range render(t, values).pods(t) {
			if c := pod.Spec.Containers[0].SecurityContext; len(pod.Spec.Containers) != 1 || c.ReadOnlyRootFilesystem == nil || !*c.ReadOnlyRootFilesystem {
				t.Errorf("%s: %s: Pod Security does not ask for it, we do", name, of)
			}
		}
	}
}

// may asks the API server what a ServiceAccount may do.
func may(t *testing.T, api client.Client, component string, ask authorizationv1.ResourceAttributes) bool {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: "system:serviceaccount:" + namespace + ":auditflow-" + component, ResourceAttributes: &ask,
	}}
	if err := api.Create(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	return review.Status.Allowed
}

func TestAProgramMayDoWhatItsRoleInDeploySaysAndNoMore(t *testing.T) {
	t.Parallel()
	api, _ := admin(t)
	r := render(t, "testdata/defaults.yaml")
	for _, object := range r {
		if object.GroupVersionKind().Group == rbacv1.GroupName {
			apply(t, api, object)
		}
	}
	for component, file := range map[string]string{"controller": "role.yaml", "api": "api.yaml"} {
		manifest, err := os.ReadFile(root + "/deploy/rbac/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var role rbacv1.ClusterRole
		if err := yaml.UnmarshalStrict(manifest, &role); err != nil || len(role.Rules) == 0 {
			t.Fatalf("%s: %v, %v", file, role, err)
		}
		for _, ask := range rights(role) {
			if ask.Resource == "leases" {
				ask.Namespace, ask.Name = namespace, "auditflow-controller"
			}
			if !may(t, api, component, ask) {
				t.Errorf("%s may not %s %s", component, ask.Verb, ask.Resource)
			}
			if may(t, api, "worker", ask) {
				t.Errorf("worker may %s %s", ask.Verb, ask.Resource)
			}
		}
	}
	for _, ask := range []authorizationv1.ResourceAttributes{
		{Verb: "update", Group: "coordination.k8s.io", Resource: "leases", Namespace: "kube-system", Name: "kube-controller-manager"},
		{Verb: "update", Group: "coordination.k8s.io", Resource: "leases", Namespace: namespace, Name: "another"},
		{Verb: "get", Resource: "secrets", Namespace: namespace}, {Verb: "list", Resource: "configmaps"},
		{Verb: "create", Group: "batch", Resource: "jobs"}, {Verb: "update", Group: "execution.kubernaut.io", Resource: "kubernetesexecutions"},
		{Verb: "get", Resource: "pods", Subresource: "log"}, {Verb: "delete", Resource: "pods"},
		{Verb: "impersonate", Resource: "users"}, {Verb: "bind", Group: rbacv1.GroupName, Resource: "clusterroles"},
	} {
		for _, component := range []string{"controller", "worker", "api"} {
			if may(t, api, component, ask) {
				t.Errorf("%s may %s %s %s", component, ask.Verb, ask.Resource, ask.Name)
			}
		}
	}
}

// rights are all that a role allows, one by one.
func rights(role rbacv1.ClusterRole) (all []authorizationv1.ResourceAttributes) {
	for _, rule := range role.Rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					all = append(all, authorizationv1.ResourceAttributes{Verb: verb, Group: group, Resource: resource})
				}
			}
		}
	}
	return all
}
