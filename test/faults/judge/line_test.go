package judge

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func deleted(o *unstructured.Unstructured) *unstructured.Unstructured {
	o.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1, 0)})
	return o
}

func TestMarksThatAreNotALineAreNoticed(t *testing.T) {
	t.Parallel()
	free, held, marked := execution("u", "Failed", false, ""), execution("u", "Failed", true, ""), execution("u", "Failed", false, "row time")
	for name, tc := range map[string]struct {
		seen  []*unstructured.Unstructured
		wrong string
	}{
		"held, marked and let go":         {[]*unstructured.Unstructured{free, held, held, marked, marked}, ""},
		"held unseen":                     {[]*unstructured.Unstructured{free, marked}, ""},
		"let go because it is deleted":    {[]*unstructured.Unstructured{held, deleted(execution("u", "Failed", false, ""))}, ""},
		"marked when it is being deleted": {[]*unstructured.Unstructured{deleted(execution("u", "Failed", true, "")), marked}, ""},
		"marked too early":                {[]*unstructured.Unstructured{held, execution("u", "Failed", true, "row time")}, "while it is held"},
		"mark taken away":                 {[]*unstructured.Unstructured{held, marked, free}, "lost its mark"},
		"marked twice":                    {[]*unstructured.Unstructured{held, marked, execution("u", "Failed", false, "row later")}, "second time"},
		"held again":                      {[]*unstructured.Unstructured{held, deleted(execution("u", "Failed", false, "")), deleted(execution("u", "Failed", true, ""))}, "held again"},
		"held again, versions missed":     {[]*unstructured.Unstructured{held, marked, marked, execution("u", "Failed", true, "row time")}, "while it is held"},
		"let go, nobody had deleted it":   {[]*unstructured.Unstructured{held, free}, "without a mark"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &Recorder{books: NewBooks(), seen: map[string]*object{}}
			for _, o := range tc.seen {
				r.note(o)
			}
			// Everything else is in order: the row is there.
			v := r.books.Judge(Places{Live: []Row{{UID: "u", Name: "name-u"}}}, time.Time{})
			if said := strings.Join(v.Examples, "; "); v.Kept() != (tc.wrong == "") || !strings.Contains(said, tc.wrong) {
				t.Errorf("kept %v, said %q", v.Kept(), said)
			}
		})
	}
}
