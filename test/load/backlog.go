package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/test/load/proc"
	"github.com/auditflow/auditflow/test/world"
)

// backlog is a namespace of executions that completed while nobody recorded them.
type backlog struct {
	world     *world.World
	product   *world.Product
	namespace string
	api       client.Client
	db        *pgxpool.Pool
	uids      []string
}

func newBacklog(ctx context.Context, w *world.World, product *world.Product, namespace string) (*backlog, error) {
	executor, err := world.NewExecutor(w.Kube.Config)
	if err != nil {
		return nil, err
	}
	db, err := pgxpool.New(ctx, w.Postgres.URL)
	if err != nil {
		return nil, err
	}
	return &backlog{world: w, product: product, namespace: namespace, api: executor.Client, db: db}, nil
}

func (b *backlog) close() { b.db.Close() }

// fill creates executions and completes them.
func (b *backlog) fill(ctx context.Context, n int) error {
	if err := b.api.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: b.namespace}}); err != nil {
		return err
	}
	b.uids = make([]string, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range b.uids {
		group.Go(func() error {
			ex := completed(b.namespace, i)
			status := ex.Status
			if err := b.api.Create(ctx, ex); err != nil {
				return fmt.Errorf("create execution %d: %w", i, err)
			}
			ex.Status = status
			if err := b.api.Status().Update(ctx, ex); err != nil {
				return fmt.Errorf("complete execution %d: %w", i, err)
			}
			b.uids[i] = string(ex.UID)
			return nil
		})
	}
	return group.Wait()
}

// completed is an execution whose Job was cleaned up since, with what takes 2 KiB
// in its record.
func completed(namespace string, i int) *v1.KubernetesExecution {
	actions := []string{"scale-deployment", "restart-pod", "drain-node", "rollback-deployment"}
	ended := time.Now().Truncate(time.Second)
	began := metav1.NewTime(ended.Add(-9 * time.Second))
	end := metav1.NewTime(ended)
	name := fmt.Sprintf("%s-%05d", actions[i%len(actions)], i)
	var output strings.Builder
	for line := range 16 {
		fmt.Fprintf(&output, "%s step %d of %s: deployment.apps/web-%d is being rolled out, replica %d ready\n", ended.Format(time.RFC3339), line, name, i%97, line)
	}
	return &v1.KubernetesExecution{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1.KubernetesExecutionSpec{
			WorkflowExecutionRef: corev1.ObjectReference{Name: fmt.Sprintf("alert-%d", i/4)},
			Action: v1.Action{
				Type:       actions[i%len(actions)],
				Parameters: &apiextensionsv1.JSON{Raw: []byte(fmt.Sprintf(`{"replicas":%d,"wait":true}`, 1+i%9))},
				Target:     v1.Target{Namespace: "prod-web", ResourceKind: "Deployment", ResourceName: fmt.Sprintf("web-%d", i%97)},
			},
		},
		Status: v1.KubernetesExecutionStatus{
			Phase:  v1.PhaseCompleted,
			Result: &v1.Result{Success: true, Output: output.String(), StartTime: &began, EndTime: &end},
			JobRef: &v1.JobReference{Name: name},
		},
	}
}

// deliver starts the controller and, once it has handed everything over, the
// worker, and returns when the last row is committed and the last object marked.
func (b *backlog) deliver(ctx context.Context) (o outcome, err error) {
	o.records = len(b.uids)
	cpu := newMeter(b.world.Postgres.DataDir)
	asked, err := requestsOf(ctx, b.world.Kube)
	if err != nil {
		return o, err
	}
	before, began := b.spent(cpu), time.Now() // neither program runs: theirs counts from 0
	if err := b.product.Controller.Start(ctx); err != nil {
		return o, err
	}
	if err := b.until(ctx, "all are handed over", func() (bool, error) {
		started, err := b.metric(ctx, "auditflow_batch_records_sum")
		return started >= float64(o.records), err
	}); err != nil {
		return o, err
	}
	o.starting = time.Since(began)
	began = time.Now()
	if err := b.product.Worker.Start(ctx); err != nil {
		return o, err
	}
	rows := 0
	if err := b.until(ctx, "all rows are committed", func() (bool, error) {
		err := b.db.QueryRow(ctx, `SELECT count(DISTINCT execution_uid), count(DISTINCT delivered_by)
			FROM kubernetes_execution_audit WHERE execution_uid = ANY ($1)`, b.uids).Scan(&rows, &o.workflows)
		return rows == o.records, err
	}); err != nil && ctx.Err() != nil {
		return o, err
	}
	o.delivering, o.cpu, o.lost = time.Since(began), b.spent(cpu).since(before), o.records-rows
	err = b.until(ctx, "all objects are marked", func() (bool, error) { return b.allMarked(ctx) })
	o.marking = b.spent(cpu).since(before).controller - o.cpu.controller
	if err != nil {
		return o, err
	}
	answered, err := requestsOf(ctx, b.world.Kube)
	o.requests = requestsOfEach(o.records, answered, asked)
	return o, err
}

// until asks until it is so. What has not happened after three minutes does not.
func (b *backlog) until(ctx context.Context, what string, done func() (bool, error)) error {
	for over := time.Now().Add(3 * time.Minute); ; {
		is, err := done()
		switch {
		case err != nil:
			return fmt.Errorf("until %s: %w", what, err)
		case is:
			return nil
		case time.Now().After(over):
			return fmt.Errorf("three minutes have passed and still not: %s", what)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// allMarked looks at what the controller wrote on the objects.
func (b *backlog) allMarked(ctx context.Context) (bool, error) {
	var objects metav1.PartialObjectMetadataList
	objects.SetGroupVersionKind(v1.GroupVersion.WithKind(v1.Kind + "List"))
	if err := b.api.List(ctx, &objects, client.InNamespace(b.namespace)); err != nil {
		return false, err
	}
	unmarked := slices.ContainsFunc(objects.Items, func(o metav1.PartialObjectMetadata) bool { return o.Annotations[v1.PersistedAnnotation] == "" })
	return !unmarked && len(objects.Items) == len(b.uids), nil
}

// metric reads one of the controller's.
func (b *backlog) metric(ctx context.Context, name string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.product.Controller.URL+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("the controller has no metric %s", name)
}

// spent is the processor time of all four so far.
func (b *backlog) spent(postgres meter) shares {
	return shares{
		controller: proc.Spent(b.product.Controller.PID()), worker: proc.Spent(b.product.Worker.PID()),
		temporal: proc.Spent(b.world.Temporal.PID()), postgres: postgres.read().server,
	}
}

// clear removes the executions, so that the next controller does not list them.
func (b *backlog) clear(ctx context.Context) error {
	return b.api.DeleteAllOf(ctx, &v1.KubernetesExecution{}, client.InNamespace(b.namespace))
}
