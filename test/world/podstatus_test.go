package world

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAnnotationsSayHowAPodEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		annotations map[string]string
		nth         int
		want        outcome
	}{
		"nothing asked: it succeeds": {nil, 0, outcome{0, "Completed", "", defaultDuration}},
		"the n-th pod takes the n-th entry": {
			map[string]string{AnnotationExitCodes: "1, 137,0", AnnotationReason: "Evicted"},
			1, outcome{137, "Evicted", "", defaultDuration},
		},
		"137 means out of memory unless said otherwise": {
			map[string]string{AnnotationExitCodes: "1,137", AnnotationReason: "Evicted,"},
			1, outcome{137, "OOMKilled", "", defaultDuration},
		},
		"later pods take the last entry": {
			map[string]string{AnnotationExitCodes: "0,2", AnnotationDuration: "3s", AnnotationMessage: "a, b"},
			7, outcome{2, "Error", "a, b", 3 * time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: c.annotations}}
			if got := outcomeOf(pod, c.nth); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestAnUnreadableAnnotationFailsThePodVisibly(t *testing.T) {
	t.Parallel()
	for _, annotation := range []string{AnnotationExitCodes, AnnotationDuration} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{annotation: "soon"}}}
		if o := outcomeOf(pod, 0); o.exitCode == 0 || o.reason != "ContainerCannotRun" || o.message == "" {
			t.Errorf("%s: %+v", annotation, o)
		}
	}
}
