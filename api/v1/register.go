package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is execution.kubernaut.io/v1.
var GroupVersion = schema.GroupVersion{Group: "execution.kubernaut.io", Version: "v1"}

// Kind is the kind of [KubernetesExecution], and the source of records made
// from it.
const Kind = "KubernetesExecution"

// AddToScheme makes the kinds of this package known to a scheme.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &KubernetesExecution{}, &KubernetesExecutionList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
