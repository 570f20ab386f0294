package world

import (
	"context"
	"fmt"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// InstallCRDs installs the custom resource definitions in a directory of yaml
// files and returns when the apiserver serves them.
func (k *Kube) InstallCRDs(ctx context.Context, dir string) error {
	crds, err := envtest.InstallCRDs(k.Config, envtest.CRDInstallOptions{Paths: []string{dir}, ErrorIfPathMissing: true})
	if err != nil {
		return fmt.Errorf("kubernetes: install CRDs from %s: %w", dir, err)
	}
	clients, err := clientset.NewForConfig(k.Config)
	if err != nil {
		return fmt.Errorf("kubernetes: %w", err)
	}
	for _, crd := range crds {
		if err := antedate(ctx, clients, crd.Name); err != nil {
			return fmt.Errorf("kubernetes: CRD %s: %w", crd.Name, err)
		}
	}
	return nil
}

// antedate makes a definition look established a minute ago. The apiserver
// holds the first creates for two seconds when it is younger, in case another
// apiserver has not heard of it yet. Here there is no other.
func antedate(ctx context.Context, clients clientset.Interface, name string) error {
	crds := clients.ApiextensionsV1().CustomResourceDefinitions()
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		crd, err := crds.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for i := range crd.Status.Conditions {
			if c := &crd.Status.Conditions[i]; c.Type == apiextensionsv1.Established {
				c.LastTransitionTime = metav1.NewTime(c.LastTransitionTime.Add(-time.Minute))
			}
		}
		_, err = crds.UpdateStatus(ctx, crd, metav1.UpdateOptions{})
		return err
	})
}
