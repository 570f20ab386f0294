//go:build chart

package chart

import (
	"errors"
	"io"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// rendered is what a chart became.
type rendered []*unstructured.Unstructured

func parse(t *testing.T, text string) (all rendered) {
	t.Helper()
	documents := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := documents.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("what was rendered is no YAML: %v\n%s", err, text)
		}
		if len(object.Object) > 0 {
			all = append(all, object)
		}
	}
}

// find is the object of a kind and name; nil if there is none.
func (r rendered) find(kind, name string) *unstructured.Unstructured {
	for _, object := range r {
		if object.GetKind() == kind && object.GetName() == name {
			return object
		}
	}
	return nil
}

// get is an object that has to be there, as T.
func get[T any](t *testing.T, r rendered, kind, name string) (typed T) {
	t.Helper()
	object := r.find(kind, name)
	if object == nil {
		t.Fatalf("no %s %s was rendered", kind, name)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, &typed, true); err != nil {
		t.Fatalf("%s %s: %v", kind, name, err)
	}
	return typed
}

// pods are the pods that Deployments and Jobs would make, by name.
func (r rendered) pods(t *testing.T) map[string]corev1.PodTemplateSpec {
	t.Helper()
	all := map[string]corev1.PodTemplateSpec{}
	for _, object := range r {
		switch name := object.GetName(); object.GetKind() {
		case "Deployment":
			all[name] = get[appsv1.Deployment](t, r, "Deployment", name).Spec.Template
		case "Job":
			all[name] = get[batchv1.Job](t, r, "Job", name).Spec.Template
		}
	}
	if len(all) == 0 {
		t.Fatal("no pods were rendered")
	}
	return all
}

// text is the value of a field, by its path; "" if it is absent.
func text(object *unstructured.Unstructured, path ...string) string {
	value, _, _ := unstructured.NestedString(object.Object, path...)
	return value
}
