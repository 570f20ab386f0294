package world

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

func TestADirectoryKeepsItsStateForTheNextWorld(t *testing.T) {
	options := Options{Dir: t.TempDir(), Kubernetes: true, PostgreSQL: true}
	inWorld(t, options, func(w *World, maps kubernetesMaps) {
		execute(t, w.Postgres.URL, `CREATE TABLE kept AS SELECT 'row' AS kept`)
		kept := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "kept"}}
		if _, err := maps.Create(t.Context(), kept, metav1.CreateOptions{}); err != nil {
			t.Error(err)
		}
	})
	inWorld(t, options, func(w *World, maps kubernetesMaps) {
		if got := queryRow(t, w.Postgres.URL, `SELECT kept FROM kept`); got != "row" {
			t.Errorf("the row came back as %q", got)
		}
		if _, err := maps.Get(t.Context(), "kept", metav1.GetOptions{}); err != nil {
			t.Error(err)
		}
	})
}

type kubernetesMaps interface {
	Create(context.Context, *corev1.ConfigMap, metav1.CreateOptions) (*corev1.ConfigMap, error)
	Get(context.Context, string, metav1.GetOptions) (*corev1.ConfigMap, error)
}

func inWorld(t *testing.T, o Options, do func(*World, kubernetesMaps)) {
	t.Helper()
	w, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	}()
	client, err := kubernetes.NewForConfig(w.Kube.Config)
	if err != nil {
		t.Fatal(err)
	}
	do(w, client.CoreV1().ConfigMaps("default"))
}
