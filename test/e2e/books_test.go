package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/test/world"
)

// execution makes one with a name of the test's own.
func execution(name string) *v1.KubernetesExecution {
	return &v1.KubernetesExecution{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1.KubernetesExecutionSpec{
			WorkflowExecutionRef: corev1.ObjectReference{Name: "alert-12345-workflow"},
			StepIndex:            1,
			MaxRetries:           3,
			Action: v1.Action{
				Type:       "scale-deployment",
				Parameters: &apiextensionsv1.JSON{Raw: []byte(`{"replicas":3}`)},
				Target:     v1.Target{Namespace: "prod-web", ResourceKind: "Deployment", ResourceName: "web"},
			},
		},
	}
}

// row is what the tests read of the table, with SQL of their own.
type row struct {
	ID, ExecutionID, ActionType, Phase, Cluster, UID, Source, DeliveredBy, SHA string
	Success                                                                    bool
	Output, Error, JobName, PodName, ExitReason                                *string
	ExitCode, Signal                                                           *int32
	RetryCount                                                                 int32
	Parameters                                                                 json.RawMessage
	Redactions, Notes                                                          json.RawMessage
	Start, End, Completed                                                      *time.Time
	Persisted                                                                  time.Time
}

func rowsOf(ctx context.Context, uid types.UID) ([]row, error) {
	rows, err := stage.db.Query(ctx, `
		SELECT id::text, execution_id, action_type, phase, cluster, execution_uid, source, delivered_by, encode(record_sha256, 'hex'),
		       success, output, error, job_name, job_pod_name, job_exit_reason, job_exit_code, job_signal, retry_count,
		       action_parameters, redactions, notes, start_time, end_time, completed_at, persisted_at
		FROM kubernetes_execution_audit WHERE execution_uid = $1`, string(uid))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (row, error) {
		var x row
		err := r.Scan(&x.ID, &x.ExecutionID, &x.ActionType, &x.Phase, &x.Cluster, &x.UID, &x.Source, &x.DeliveredBy, &x.SHA,
			&x.Success, &x.Output, &x.Error, &x.JobName, &x.PodName, &x.ExitReason, &x.ExitCode, &x.Signal, &x.RetryCount,
			&x.Parameters, &x.Redactions, &x.Notes, &x.Start, &x.End, &x.Completed, &x.Persisted)
		return x, err
	})
}

// eventually waits for a condition; what says what was waited for.
func eventually(t *testing.T, patience time.Duration, what string, condition func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited %s for %s: %v", patience, what, err)
		}
	}
}

// theRow waits for the one row of an execution.
func theRow(t *testing.T, patience time.Duration, uid types.UID) row {
	t.Helper()
	var found row
	eventually(t, patience, "the row", func(ctx context.Context) error {
		rows, err := rowsOf(ctx, uid)
		switch {
		case err != nil:
			return err
		case len(rows) != 1:
			return fmt.Errorf("there are %d rows", len(rows))
		}
		found = rows[0]
		return nil
	})
	return found
}

// isMarked waits until the object carries the row's id and is let go.
func isMarked(t *testing.T, name types.NamespacedName, rowID string) {
	t.Helper()
	eventually(t, healed, "the mark", func(ctx context.Context) error {
		ex := &v1.KubernetesExecution{}
		if err := stage.executor.Client.Get(ctx, name, ex); err != nil {
			return err
		}
		mark := ex.Annotations[v1.PersistedAnnotation]
		if len(mark) < len(rowID) || mark[:len(rowID)] != rowID || len(ex.Finalizers) > 0 {
			return fmt.Errorf("annotation %q, finalizers %v", mark, ex.Finalizers)
		}
		return nil
	})
}

// execute runs an execution to its end.
func execute(t *testing.T, ex *v1.KubernetesExecution, p world.Plan) world.Completion {
	t.Helper()
	done, err := stage.executor.Execute(t.Context(), ex, p)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func isGone(t *testing.T, ex *v1.KubernetesExecution) {
	t.Helper()
	eventually(t, healed, "the execution to be gone", func(ctx context.Context) error {
		now := &v1.KubernetesExecution{}
		err := stage.executor.Client.Get(ctx, client.ObjectKeyFromObject(ex), now)
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		case now.UID != ex.UID:
			return nil
		}
		return fmt.Errorf("it is held by %v", now.Finalizers)
	})
}

// isHeld waits until the controller has put its finalizer on.
func isHeld(t *testing.T, ex *v1.KubernetesExecution) {
	t.Helper()
	eventually(t, 20*time.Second, "the finalizer", func(ctx context.Context) error {
		now := &v1.KubernetesExecution{}
		if err := stage.executor.Client.Get(ctx, client.ObjectKeyFromObject(ex), now); err != nil {
			return err
		}
		if !controllerutil.ContainsFinalizer(now, v1.DeliveryFinalizer) {
			return errors.New("it is not there")
		}
		return nil
	})
}
