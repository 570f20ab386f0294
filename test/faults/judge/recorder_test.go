package judge

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

func execution(uid, phase string, held bool, mark string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"phase": phase}}}
	o.SetName("name-" + uid)
	o.SetUID(types.UID(uid))
	if held {
		o.SetFinalizers([]string{finalizer})
	}
	if mark != "" {
		o.SetAnnotations(map[string]string{annotation: mark})
	}
	return o
}

func TestTheRecorderEntersWhatTheObjectsTell(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		seen      []*unstructured.Unstructured
		gone      bool
		completed bool
		promised  Promise
	}{
		"runs":                    {[]*unstructured.Unstructured{execution("u", "Executing", true, "")}, false, false, 0},
		"ended":                   {[]*unstructured.Unstructured{execution("u", "Failed", true, "")}, false, true, 0},
		"ended before it is held": {[]*unstructured.Unstructured{execution("u", "Failed", false, "")}, false, true, 0},
		"marked":                  {[]*unstructured.Unstructured{execution("u", "Failed", true, ""), execution("u", "Failed", false, "row time")}, false, true, Persisted},
		"let go without a mark":   {[]*unstructured.Unstructured{execution("u", "Completed", true, ""), execution("u", "Completed", false, "")}, false, true, Durable},
		"deleted while it ran":    {[]*unstructured.Unstructured{execution("u", "Executing", true, "")}, true, true, Durable},
		"deleted unseen":          {[]*unstructured.Unstructured{execution("u", "Pending", false, "")}, true, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &Recorder{books: NewBooks(), seen: map[string]*object{}}
			for _, o := range tc.seen {
				r.note(o)
			}
			if tc.gone {
				r.gone("u")
			}
			e := r.books.byUID["u"]
			if e == nil {
				e = &entry{}
			}
			if e.completed.IsZero() == tc.completed || e.promised != tc.promised {
				t.Errorf("completed %s, promised %d", e.completed, e.promised)
			}
		})
	}
}
