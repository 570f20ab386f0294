package world

import (
	"fmt"
	"path/filepath"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// Under the race detector this also tells whether they get in each other's way.
func TestUsersThatAreMadeAtOnceAreEachThemselvesAndMayDoWhatTheirRoleSays(t *testing.T) {
	t.Parallel()
	for i := range 4 {
		name := fmt.Sprintf("made-at-once-%d", i)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, err := shared.Kube.KubeconfigFor(t.Context(), name, filepath.Join("..", "..", "deploy", "rbac", "api.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			config, err := clientcmd.BuildConfigFromFlags("", path)
			if err != nil {
				t.Fatal(err)
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				t.Fatal(err)
			}
			review, err := client.AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
			if err != nil || review.Status.UserInfo.Username != name {
				t.Errorf("the kubeconfig of %s is that of %q (%v)", name, review.Status.UserInfo.Username, err)
			}
			eventually(t, "the role counts", func() (bool, error) {
				_, err := client.AuthenticationV1().TokenReviews().Create(t.Context(),
					&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: "x"}}, metav1.CreateOptions{})
				return err == nil, err
			})
			if _, err := client.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{}); err == nil {
				t.Errorf("%s may list pods", name)
			}
		})
	}
}
