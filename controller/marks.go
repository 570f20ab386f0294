package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
)

// marks is what a metadata patch changes. The resource version makes it fail
// with a conflict when the object has changed since it was read: a merge patch
// replaces the whole list of finalizers, other people's included.
type marks struct {
	Finalizers  []string          `json:"finalizers"`
	Annotations map[string]string `json:"annotations,omitempty"`

	ResourceVersion string    `json:"resourceVersion"`
	UID             types.UID `json:"uid"`
}

func held(o client.Object) marks {
	return marks{
		Finalizers:  append(slices.Clone(o.GetFinalizers()), v1.DeliveryFinalizer),
		Annotations: map[string]string{v1.StateAnnotation: v1.StatePending},
	}
}

// released takes the finalizer off and says why it may go.
func released(o client.Object, annotations map[string]string) marks {
	others := slices.DeleteFunc(slices.Clone(o.GetFinalizers()), func(f string) bool { return f == v1.DeliveryFinalizer })
	if others == nil {
		others = []string{} // null would leave the list as it is
	}
	return marks{Finalizers: others, Annotations: annotations}
}

func persistedAnnotations(r audit.Receipt, at time.Time) map[string]string {
	state := v1.StatePersisted
	if r.Outcome == audit.OutcomeQuarantined {
		state = v1.StateQuarantined
	}
	return map[string]string{
		v1.PersistedAnnotation: fmt.Sprintf("%s %s", r.ID, at.UTC().Format(time.RFC3339)),
		v1.StateAnnotation:     state,
	}
}

// patch applies m in one request that carries and returns metadata only.
func patch(ctx context.Context, c client.Client, o client.Object, m marks) error {
	m.ResourceVersion, m.UID = o.GetResourceVersion(), o.GetUID()
	body, err := json.Marshal(map[string]marks{"metadata": m})
	if err != nil {
		return fmt.Errorf("encode marks: %w", err)
	}
	kind, err := c.GroupVersionKindFor(o)
	if err != nil {
		return fmt.Errorf("find the kind of an object: %w", err)
	}
	meta := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: o.GetNamespace(), Name: o.GetName()}}
	meta.SetGroupVersionKind(kind)
	return c.Patch(ctx, meta, client.RawPatch(types.MergePatchType, body))
}
