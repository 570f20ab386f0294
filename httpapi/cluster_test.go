package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/auditflow/auditflow/httpapi"
)

func clients(t *testing.T, c *rest.Config) *kubernetes.Clientset {
	t.Helper()
	set, err := kubernetes.NewForConfig(c)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// kubeconfig is that of a user with the rights that we ship.
var kubeconfig = sync.OnceValues(func() (string, error) {
	return servers.Kube.KubeconfigFor(context.Background(), "auditflow-api", "../deploy/rbac/api.yaml")
})

// inCluster is a door that asks the cluster, with the rights that we ship.
func inCluster(t *testing.T, audiences ...string) *door {
	t.Helper()
	path, err := kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	return askingCluster(t, clients(t, config), audiences...)
}

func askingCluster(t *testing.T, asks *kubernetes.Clientset, audiences ...string) *door {
	t.Helper()
	return open(t, func(c *httpapi.Config, _ *httpapi.Server) {
		c.Access = httpapi.Access{Cluster: &httpapi.Cluster{
			Tokens: asks.AuthenticationV1().TokenReviews(), Access: asks.AuthorizationV1().SubjectAccessReviews(),
			Audiences: audiences, Timeout: 10 * time.Second,
		}}
		c.Reader = rows{store}
	})
}

// account makes a namespace with a service account that may record and read what
// is done in it, of some clusters or, if none is named, of all, and returns a function
// that gives tokens of it.
func account(t *testing.T, namespace string, clusters ...string) (token func(audiences ...string) string) {
	t.Helper()
	admin := clients(t, servers.Kube.Config)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	meta, create := metav1.ObjectMeta{Name: "executor", Namespace: namespace}, metav1.CreateOptions{}
	must(admin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, create))
	must(admin.CoreV1().ServiceAccounts(namespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: meta}, create))
	must(admin.RbacV1().Roles(namespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{httpapi.Group}, Resources: []string{httpapi.Resource}, ResourceNames: clusters, Verbs: []string{"create", "get", "list"}},
	}}, create))
	must(admin.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: meta.Name, Namespace: namespace}},
	}, create))
	return func(audiences ...string) string {
		t.Helper()
		answer, err := admin.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), meta.Name,
			&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences}}, create)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + answer.Status.Token
	}
}

func TestAServiceAccountMayRecordWhatItsRoleSays(t *testing.T) {
	t.Parallel()
	d, token := inCluster(t), account(t, "http-shop")
	own, other, none := body(t, "target_namespace", `"http-shop"`), body(t, "target_namespace", `"kube-system"`), body(t, "target_namespace", "")
	eventually(t, "the API server knows the role", func() bool { // remembered refusals last ten seconds
		return inCluster(t).post(own, "Authorization", token()).StatusCode == http.StatusCreated
	})
	d.post(own, "Authorization", token()).want(t, http.StatusCreated)
	for _, text := range []string{other, none} {
		if a := d.post(text, "Authorization", token()).want(t, http.StatusForbidden); !strings.Contains(a.text, "audits.auditflow.io") {
			t.Error(a.text)
		}
	}
	_, answer := d.batch("["+own+","+other+"]", "Authorization", token())
	if len(answer.Results) != 2 || answer.Results[0].Status != http.StatusCreated || answer.Results[1].Status != http.StatusForbidden {
		t.Errorf("%+v", answer)
	}
	d.post(own).want(t, http.StatusUnauthorized)
	d.post(own, "Authorization", token()+"x").want(t, http.StatusUnauthorized)
	d.post(own, "Authorization", token("somebody-else")).want(t, http.StatusUnauthorized)
}

func TestATokenMustBeForOurAudienceIfThereIsOne(t *testing.T) {
	t.Parallel()
	d, token := inCluster(t, "auditflow"), account(t, "http-audience")
	text := body(t, "target_namespace", `"http-audience"`)
	d.post(text, "Authorization", token()).want(t, http.StatusUnauthorized)
	eventually(t, "the API server knows the role", func() bool {
		return inCluster(t, "auditflow").post(text, "Authorization", token("auditflow")).StatusCode == http.StatusCreated
	})
}

func TestWhileTheClusterCannotBeAskedNobodyIsLetIn(t *testing.T) {
	t.Parallel()
	nowhere := rest.CopyConfig(servers.Kube.Config)
	nowhere.Host = "https://127.0.0.1:1"
	d := askingCluster(t, clients(t, nowhere))
	d.send(http.MethodPost, httpapi.PathBatch, "[]", "Authorization", "Bearer canary").want(t, http.StatusServiceUnavailable)
	a := d.post(body(t), "Authorization", "Bearer canary").want(t, http.StatusServiceUnavailable)
	if a.Header.Get("Retry-After") == "" || strings.Contains(a.text, "canary") {
		t.Errorf("%v %s", a.Header, a.text)
	}
}
