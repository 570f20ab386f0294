package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	names "k8s.io/apimachinery/pkg/util/uuid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/test/world"
)

// crowd is a namespace of many executions that have ended.
type crowd struct {
	kube        *world.Kube
	api         client.Client
	db          *pgxpool.Pool
	objects     int
	objectBytes int

	marked   map[string]string // resource versions of the marked ones, by name
	unmarked map[string]types.UID
}

const crowdNamespace = "crowd"

func newCrowd(ctx context.Context, w *world.World, objects int) (*crowd, error) {
	executor, err := world.NewExecutor(w.Kube.Config)
	if err != nil {
		return nil, err
	}
	db, err := pgxpool.New(ctx, w.Postgres.URL)
	if err != nil {
		return nil, err
	}
	return &crowd{kube: w.Kube, api: executor.Client, db: db, objects: objects}, nil
}

// gather makes the objects, and counts them as the API server has them.
func (c *crowd) gather(ctx context.Context) error {
	if err := c.api.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: crowdNamespace}}); err != nil {
		return err
	}
	first, err := c.first(ctx)
	if err != nil {
		return err
	}
	err = c.kube.Clone(ctx, v1.GroupVersion.Group+"/kubernetesexecutions", crowdNamespace, first.Name, c.objects-1, func(i int, o *unstructured.Unstructured) {
		o.SetName(fmt.Sprintf("ended-%06d", i))
		o.SetUID(names.NewUUID())
		annotations := o.GetAnnotations()
		annotations[v1.PersistedAnnotation] = mark(o.GetUID())
		if i%100 == 0 {
			annotations = nil
		}
		o.SetAnnotations(annotations)
	})
	if err != nil {
		return err
	}
	// The API server needs a while to take in what it has not written itself,
	// and answers with a time-out meanwhile.
	err = patiently(ctx, func() (bool, error) {
		err := c.count(ctx)
		if apierrors.IsTimeout(err) {
			return false, nil
		}
		return len(c.marked)+len(c.unmarked) == c.objects, err
	})
	if err != nil {
		return fmt.Errorf("there are %d objects instead of %d: %w", len(c.marked)+len(c.unmarked), c.objects, err)
	}
	return nil
}

// mark is the annotation that a controller would have left.
func mark(uid types.UID) string {
	return audit.ID(world.Cluster, string(uid)) + " " + time.Now().UTC().Format(time.RFC3339)
}

// first goes the way of all executions, but for the recording.
func (c *crowd) first(ctx context.Context) (*v1.KubernetesExecution, error) {
	now := metav1.Now()
	began := metav1.NewTime(now.Add(-9 * time.Second))
	ex := &v1.KubernetesExecution{
		ObjectMeta: metav1.ObjectMeta{Namespace: crowdNamespace, Name: "first"},
		Spec: v1.KubernetesExecutionSpec{
			WorkflowExecutionRef: corev1.ObjectReference{Name: "alert-12345-workflow"},
			Action: v1.Action{
				Type: "scale-deployment", Parameters: &apiextensionsv1.JSON{Raw: []byte(`{"replicas":3,"wait":true}`)},
				Target: v1.Target{Namespace: "prod-web", ResourceKind: "Deployment", ResourceName: "web"},
			},
		},
	}
	if err := c.api.Create(ctx, ex); err != nil {
		return nil, err
	}
	ex.Status = v1.KubernetesExecutionStatus{
		Phase: v1.PhaseCompleted, JobRef: &v1.JobReference{Name: "gone"},
		Result: &v1.Result{Success: true, StartTime: &began, EndTime: &now,
			Output: strings.Repeat("deployment.apps/web: replica is ready, going on with the next one\n", 24)},
	}
	if err := c.api.Status().Update(ctx, ex); err != nil {
		return nil, err
	}
	ex.Annotations = map[string]string{v1.PersistedAnnotation: mark(ex.UID), v1.StateAnnotation: v1.StatePersisted}
	if err := c.api.Update(ctx, ex); err != nil {
		return nil, err
	}
	text, err := json.Marshal(ex)
	c.objectBytes = len(text)
	return ex, err
}

// count notes which are marked and which are not, and their versions.
func (c *crowd) count(ctx context.Context) error {
	c.marked, c.unmarked = map[string]string{}, map[string]types.UID{}
	return c.each(ctx, func(o *metav1.PartialObjectMetadata) {
		if o.Annotations[v1.PersistedAnnotation] == "" {
			c.unmarked[o.Name] = o.UID
		} else {
			c.marked[o.Name] = o.ResourceVersion
		}
	})
}

func (c *crowd) each(ctx context.Context, see func(*metav1.PartialObjectMetadata)) error {
	for token := ""; ; {
		page := &metav1.PartialObjectMetadataList{}
		page.SetGroupVersionKind(v1.GroupVersion.WithKind(v1.Kind + "List"))
		if err := c.api.List(ctx, page, client.InNamespace(crowdNamespace), client.Limit(2000), client.Continue(token)); err != nil {
			return err
		}
		for i := range page.Items {
			see(&page.Items[i])
		}
		if token = page.Continue; token == "" {
			return nil
		}
	}
}

// delivered counts, of those that were not marked, which have a row and a mark.
func (c *crowd) delivered(ctx context.Context) (n int, err error) {
	rows, err := c.db.Query(ctx, `SELECT execution_uid FROM kubernetes_execution_audit`)
	if err != nil {
		return 0, err
	}
	stored := map[types.UID]bool{}
	for rows.Next() {
		var uid string
		if err := rows.Scan(&uid); err != nil {
			return 0, err
		}
		stored[types.UID(uid)] = true
	}
	if rows.Err() != nil || len(stored) < len(c.unmarked) {
		return len(stored), rows.Err()
	}
	err = c.each(ctx, func(o *metav1.PartialObjectMetadata) {
		if uid, was := c.unmarked[o.Name]; was && stored[uid] && o.Annotations[v1.PersistedAnnotation] != "" && len(o.Finalizers) == 0 {
			n++
		}
	})
	return n, err
}

// touched counts, of those that were marked, which are not as they were.
func (c *crowd) touched(ctx context.Context) (int, error) {
	same := 0
	err := c.each(ctx, func(o *metav1.PartialObjectMetadata) {
		if version := c.marked[o.Name]; version == o.ResourceVersion {
			same++
		}
	})
	return len(c.marked) - same, err
}

// reconciled is how often the controller has looked at an object.
func reconciled(ctx context.Context, url string) (n int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if line, ok := strings.CutPrefix(lines.Text(), `controller_runtime_reconcile_total{controller="kubernetesexecution"`); ok {
			_, value, _ := strings.Cut(line, "} ")
			x, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0, err
			}
			n += int(x)
		}
	}
	return n, nil
}

// patiently asks until it is so; what has not happened after ten minutes does not.
func patiently(ctx context.Context, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Minute, errors.New("ten minutes have passed"))
	defer cancel()
	for {
		if is, err := done(); is || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
